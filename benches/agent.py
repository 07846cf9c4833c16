#!/usr/bin/env python3
"""What does it cost to ship logs? One agent, one collector, both on this machine, until everything is acknowledged.

    benches/agent.py WORK FILE...       such as benches/agent.py /tmp/agent ../shared/corpus/large/k8s-audit-large.log

Prints the bytes read, the time, and for the agent and the collector the CPU seconds, MB per CPU-second, and the most memory each had. The files are read where they
are; WORK holds certificates, the store and the spool, and is made anew. DEPONENT names another binary."""
import os
import shutil
import subprocess
import sys
import time
import urllib.request

DEPONENT = os.path.abspath(os.environ.get("DEPONENT", "target/release/deponent"))
PORTS = {"listen": 7473, "agents": 7474, "metrics": 7475}


def cost(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024


def numbers():
    text = urllib.request.urlopen(f"http://127.0.0.1:{PORTS['metrics']}/metrics").read().decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def main():
    work, files = os.path.abspath(sys.argv[1]), [os.path.abspath(path) for path in sys.argv[2:]]
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    environment = dict(os.environ, XDG_STATE_HOME=os.path.join(work, "keys"))
    run = lambda *words: subprocess.Popen([DEPONENT, *words], cwd=work, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert run("init", "pki", "--cluster", "bench", "--collector", "127.0.0.1").wait() == 0
    tails = "".join(f"[[tail]]\npaths = ['{path}']\n" for path in files)
    with open(os.path.join(work, "config.toml"), "w") as out:
        out.write(f"store = 'store'\nlisten = '127.0.0.1:{PORTS['listen']}'\n[access]\nanonymous = ['auditor', 'operator']\n[agents]\nlisten = '127.0.0.1:{PORTS['agents']}'\n"
                  "cert = 'pki/collector.crt'\nkey = 'pki/collector.key'\nca = 'pki/ca.crt'\n")
    with open(os.path.join(work, "agent.toml"), "w") as out:
        out.write(f"collector = 'https://127.0.0.1:{PORTS['agents']}'\nstate = 'agent'\ncluster = 'bench'\nnode = 'node-1'\ncert = 'pki/agent.crt'\n"
                  f"key = 'pki/agent.key'\nca = 'pki/ca.crt'\nmetrics = '127.0.0.1:{PORTS['metrics']}'\n{tails}")
    collector = run("serve", "-c", "config.toml")
    time.sleep(2)
    size, start = sum(os.path.getsize(path) for path in files), time.perf_counter()
    agent = run("agent", "-c", "agent.toml")
    last, still = None, 0
    while still < 8:
        time.sleep(0.5)
        try:
            now = numbers()
        except OSError:
            continue
        read = {name: value for name, value in now.items() if name.startswith("deponent_agent_records_total") and ":agent" not in name}
        state = (sum(read.values()), now["deponent_agent_batches_sent_total"])
        still = still + 1 if state == last and len(read) == len(files) else 0
        last = state
        if still == 0:
            end = time.perf_counter()
    print("read MB | records | s | process | CPU s | MB per CPU s | most MiB")
    for name, process in (("agent", agent), ("collector", collector)):
        cpu, peak = cost(process.pid)
        print(f"{size / 1e6:.0f} | {last[0]:.0f} | {end - start:.1f} | {name} | {cpu:.1f} | {size / 1e6 / cpu:.0f} | {peak:.0f}")
    for process in (agent, collector):
        process.terminate()
        process.wait()


main()
