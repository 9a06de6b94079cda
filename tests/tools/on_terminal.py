# SPDX-License-Identifier: Apache-2.0
"""
on_terminal.py STEP... -- COMMAND...: runs a command on a terminal of its own, as a shell's foreground
job, and prints what the terminal showed. The steps, in order:

    await:TEXT   until TEXT has been shown since the last step
    type:TEXT    types it; \\x03 is Ctrl-C, \\x1a Ctrl-Z, \\n the return key
    stopped      until the command has stopped, as a shell sees it
    resume       continues it in the foreground, as fg does
    size:R,C     the terminal's size becomes R rows and C columns

Exits with the command's code, 128 + signal, or 99 when a step took longer than 30 seconds.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

LIMIT_S = 30


class Terminal:
    def __init__(self, command):
        self.shown = b""
        self.seen = 0  # by the steps so far
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            run_as_job(command)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.shown += data
        return bool(data)

    def await_text(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self.shown[self.seen:]:
            if time.monotonic() > end or not self.read(0.1):
                give_up(self, "no " + repr(text))
        self.seen = self.shown.index(text, self.seen) + len(text)

    def finish(self):
        end = time.monotonic() + LIMIT_S
        while self.read(0.1):
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                while self.read(0) and select.select([self.fd], [], [], 0)[0]:
                    pass
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                give_up(self, "the command does not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def give_up(terminal, why):
    sys.stdout.buffer.write(terminal.shown)
    print("on_terminal.py:", why, flush=True)
    os.kill(terminal.pid, signal.SIGTERM)
    sys.exit(99)


def run_as_job(command):
    """
    The session's leader: a shell of one job. It says "(stopped)", awaits SIGUSR1, and says
    "(resumed)" when the job has the terminal again.
    """
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        os.execvp(command[0], command)
    while True:
        status = os.waitpid(job, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
        os.tcsetpgrp(0, os.getpid())
        os.write(1, b"(stopped)\n")
        signal.sigwait([signal.SIGUSR1])
        os.tcsetpgrp(0, job)
        os.write(1, b"(resumed)\n")
        os.kill(-job, signal.SIGCONT)


def play(terminal, step):
    word, _, text = step.partition(":")
    raw = text.encode().decode("unicode_escape").encode("latin-1")
    if word == "await":
        terminal.await_text(raw)
    elif word == "type":
        os.write(terminal.fd, raw)
    elif word == "stopped":
        terminal.await_text(b"(stopped)")
    elif word == "resume":
        os.kill(terminal.pid, signal.SIGUSR1)
        terminal.await_text(b"(resumed)")
    elif word == "size":
        rows, columns = map(int, text.split(","))
        fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    else:
        sys.exit("on_terminal.py: no such step: " + step)


def main():
    split = sys.argv.index("--")
    terminal = Terminal(sys.argv[split + 1:])
    for step in sys.argv[1:split]:
        play(terminal, step)
    code = terminal.finish()
    sys.stdout.buffer.write(terminal.shown)
    sys.exit(code)


main()
