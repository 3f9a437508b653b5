"""Becomes a command under a seccomp filter: seccomp.py ACTION NUMBER,NUMBER,... COMMAND [ARGUMENT]...

ACTION is `errno:N`, which answers those system calls with that error, or `kill`, which ends the process by SIGSYS.
"""

import ctypes
import os
import struct
import sys

action, numbers, command = sys.argv[1], [int(n) for n in sys.argv[2].split(",")], sys.argv[3:]
# SECCOMP_RET_ERRNO and SECCOMP_RET_KILL_PROCESS.
verdict = 0x50000 | int(action.split(":")[1]) if action.startswith("errno:") else 0x80000000

# Load the number; for each that is meant, jump to the verdict; allow the others.
program = [(0x20, 0, 0, 0)]
for at, number in enumerate(numbers):
    program.append((0x15, len(numbers) - at, 0, number))
program += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, verdict)]
instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(instructions))

libc = ctypes.CDLL(None, use_errno=True)
# PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
for arguments in ((38, 1, 0, 0, 0), (22, 2, ctypes.create_string_buffer(filter_), 0, 0)):
    if libc.prctl(*arguments) != 0:
        sys.exit("seccomp.py: " + os.strerror(ctypes.get_errno()))
os.execvp(command[0], command)
