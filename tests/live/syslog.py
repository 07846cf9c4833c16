"""A system logger: `syslog.py SOCKET FILE` writes what arrives at the socket to the file, in the form of Debian 12's rsyslog.

`2026-11-23T20:59:36.123456+00:00 host sshd[812]: Accepted publickey for …`. Libraries send `<86>Nov 23 20:59:36 sshd[812]: Accepted …`; the time is that of arrival.
"""

import datetime
import re
import socket
import sys

HEAD = re.compile(rb"<\d{1,3}>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")


def main(at: str, to: str) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(at)
    host = socket.gethostname().encode()
    with open(to, "ab", buffering=0) as log:
        while True:
            message = HEAD.sub(b"", listener.recv(65536), count=1).rstrip(b"\0\n").replace(b"\n", b"#012")
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds").encode()
            log.write(b"%s %s %s\n" % (now, host, message))


main(*sys.argv[1:])
