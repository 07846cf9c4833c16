#!/usr/bin/env python3
"""What does a shipper cost? deponent's agent beside syslog-ng over HTTP, without and with its reliable disk buffer, each reading the same file, in turn.

    benches/shippers.py WORK FILE ROUNDS       such as benches/shippers.py /tmp/shippers CORPUS/large/k8s-audit-large.log 5, unpacked

All send to one collector on this machine: the agent to its own door, syslog-ng to `[ndjson]`; a shipper is done when the collector has acknowledged every record. What is compared is the CPU and the memory of
the shipper alone. syslog-ng is the one that tests/doors/run unpacks (target/doors/root), or that is installed. DEPONENT names another binary."""
import glob
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

DEPONENT = os.path.abspath(os.environ.get("DEPONENT", "target/release/deponent"))
ROOT = os.path.abspath("target/doors/root")
LISTEN, AGENTS, NDJSON, PAGE = 7483, 7484, 7485, 7486


def cost(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024


def number(port, name):
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    except OSError:
        return 0
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def syslog_ng(folder, file, buffer):
    """Its command and surroundings."""
    os.makedirs(folder)
    disk = f'disk-buffer(mem-buf-size(67108864) disk-buf-size(2147483648) reliable(yes) dir("{folder}"))' if buffer else ""
    with open(f"{folder}/conf", "w") as out:
        out.write(f"""@version: 3.38
options {{ stats-freq(0); log-msg-size(2097152); }};
source in {{ file("{file}" follow-freq(1) flags(no-parse) log-fetch-limit(1000) log-iw-size(10000)); }};
destination out {{ http(url("http://127.0.0.1:{NDJSON}/ingest/kubernetes-audit") method("POST") headers("Content-Type: application/x-ndjson")
    body("$MSG") delimiter("\\n") body-suffix("\\n") batch-lines(1000) batch-bytes(1048576) timeout(60) {disk}); }};
log {{ source(in); destination(out); flags(flow-control); }};
""")
    own = os.path.exists(f"{ROOT}/usr/sbin/syslog-ng")
    command = [f"{ROOT}/usr/sbin/syslog-ng" if own else "syslog-ng", "-F", "-f", f"{folder}/conf", "-p", f"{folder}/pid", "-c", f"{folder}/ctl", "-R", f"{folder}/persist"]
    environment = dict(os.environ)
    if own:
        command.append("--module-path=" + "".join(glob.glob(f"{ROOT}/usr/lib/syslog-ng/*/")))
        places = glob.glob(f"{ROOT}/usr/lib/*-linux-gnu") + glob.glob(f"{ROOT}/lib/*-linux-gnu") + [f"{ROOT}/usr/lib/syslog-ng"]
        environment["LD_LIBRARY_PATH"] = ":".join(places)
    return command, environment


def agent(folder, file, node, work):
    os.makedirs(folder)
    with open(f"{folder}/agent.toml", "w") as out:
        out.write(f"collector = 'https://127.0.0.1:{AGENTS}'\nstate = '{folder}/state'\ncluster = 'bench'\nnode = '{node}'\ncert = '{work}/pki/agent.crt'\nkey = '{work}/pki/agent.key'\n"
                  f"ca = '{work}/pki/ca.crt'\nmetrics = '127.0.0.1:{PAGE}'\n[[tail]]\npaths = ['{file}']\n")
    return [DEPONENT, "agent", "-c", f"{folder}/agent.toml"], dict(os.environ, XDG_STATE_HOME=f"{folder}/keys")


def main():
    work, file, rounds = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), int(sys.argv[3])
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    environment = dict(os.environ, XDG_STATE_HOME=f"{work}/keys")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([DEPONENT, "init", "pki", "--cluster", "bench", "--collector", "127.0.0.1", "--out", f"{work}/pki"], check=True, env=environment, **quiet)
    with open(f"{work}/config.toml", "w") as out:
        tls = f"cert = '{work}/pki/collector.crt'\nkey = '{work}/pki/collector.key'\nca = '{work}/pki/ca.crt'\n"
        out.write(f"store = '{work}/store'\nlisten = '127.0.0.1:{LISTEN}'\n[access]\nanonymous = ['operator']\n[agents]\nlisten = '127.0.0.1:{AGENTS}'\n{tls}[ndjson]\nlisten = '127.0.0.1:{NDJSON}'\n")
    collector = subprocess.Popen([DEPONENT, "serve", "-c", f"{work}/config.toml"], env=environment, **quiet)
    time.sleep(3)
    with open(file, "rb") as opened:
        records = sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b""))
    size = os.path.getsize(file) / 1e6
    shippers = ["deponent agent", "syslog-ng", "syslog-ng, reliable disk buffer"]
    found = {name: [] for name in shippers}
    for turn in range(rounds):
        for name in shippers:
            folder = f"{work}/{name.replace(' ', '-').replace(',', '')}-{turn}"
            # Other records each time: a door answers a body that it knows without storing it again.
            copy = f"{folder}.log"
            with open(file, "rb") as whole, open(copy, "wb") as out:
                out.write(whole.read().replace(b'"auditID":"', f'"auditID":"{turn}{shippers.index(name)}'.encode()))
            before = number(LISTEN, 'deponent_door_records_total{door="ndjson"}')
            if name == "deponent agent":
                command, surroundings = agent(folder, copy, f"node-{turn}", work)
                done = lambda: number(PAGE, "deponent_agent_records_total") >= records and number(PAGE, "deponent_agent_spool_bytes") == 0
            else:
                command, surroundings = syslog_ng(folder, copy, "disk" in name)
                done = lambda: number(LISTEN, 'deponent_door_records_total{door="ndjson"}') - before >= records
            start = time.perf_counter()
            process = subprocess.Popen(command, env=surroundings, cwd=work, **quiet)
            while not done():
                assert process.poll() is None and time.perf_counter() - start < 600, f"{name} did not get through"
                time.sleep(0.05)
            wall = time.perf_counter() - start
            cpu, peak = cost(process.pid)
            process.terminate()
            process.wait()
            os.remove(copy)
            found[name].append((wall, size / cpu, peak))
    collector.terminate()
    collector.wait()
    print(f"{size:.0f} MB, {records} records, medians of {rounds}: shipper | s | MB per CPU s | most MiB")
    for name in shippers:
        wall, rate, peak = (statistics.median(values) for values in zip(*found[name]))
        print(f"{name} | {wall:.1f} | {rate:.0f} | {peak:.0f}")


main()
