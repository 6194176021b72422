"""Blocks system calls of a process before it opens untrusted files (Linux seccomp).

Blocked is what reaches beyond the process: other and new processes, sockets of every kind (which
Landlock does not cover), permissions and times of files, memory that no limit counts, and parts of
the kernel that no decoder needs. Calls fail with `EPERM`; nothing is killed. New threads are
allowed, as libheif needs them, and inherit the filter.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from typing import Final

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7  # AUDIT_ARCH_*
_FIRST_X32_CALL: Final = 0x40000000
_SET_FILTER, _IN_ALL_THREADS = 1, 1
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW: Final = 0x7FFF0000
_EPERM: Final = 0x00050001
_ENOSYS: Final = 0x00050026
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

# Numbers on x86-64 and on 64-bit ARM, which lacks the older calls; from 424 on they are equal.
_REFUSED: Final[dict[str, tuple[int, int | None]]] = {
    # processes
    "fork": (57, None), "vfork": (58, None),
    "execve": (59, 221), "execveat": (322, 281),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "kcmp": (312, 272), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "sched_setattr": (314, 274), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "setsid": (112, 157), "setpgid": (109, 154),
    # sockets, queues, shared memory
    "socket": (41, 198), "socketpair": (53, 199), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180),
    # files
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "creat": (85, None), "mkdir": (83, None), "mkdirat": (258, 34),
    "mknod": (133, None), "mknodat": (259, 33), "link": (86, None), "linkat": (265, 37),
    "symlink": (88, None), "symlinkat": (266, 36), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "unlink": (87, None), "unlinkat": (263, 35), "rmdir": (84, None),
    "truncate": (76, 45), "openat2": (437, 437), "open_by_handle_at": (304, 265),
    # the kernel
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsmount": (432, 432), "mount_setattr": (442, 442), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "sethostname": (170, 161),
    "setdomainname": (171, 162), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "syslog": (103, 116),
    "fanotify_init": (300, 262),
}  # fmt: skip
_OF_ITSELF_ONLY: Final = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
"""Their first argument is a process; 0 means the caller for `prlimit64`, its group for `kill`."""
_CLONE: Final = (56, 220)
"""Its first argument has the flags."""
_CLONE3: Final = 435
"""Its flags are in memory that a filter cannot read. It fails with ENOSYS, so that libraries fall
back to `clone`."""
_CLONE_THREAD: Final = 0x10000
_OPENING: Final = {"open": (2, None, 1), "openat": (257, 56, 2)}
"""With the index of the argument that has the flags."""


def refuse_system_calls(library: ctypes.CDLL) -> None:
    """Block these system calls for all threads of this process, permanently.

    `PR_SET_NO_NEW_PRIVS` must have been set before.

    Raises:
        OSError: if the system does not support it, or its architecture is unknown here.
    """
    known = {"x86_64": (_X86_64, 0, 317), "aarch64": (_AARCH64, 1, 277)}.get(platform.machine())
    if known is None:
        raise OSError(errno.ENOSYS, "the calls of this machine are not known")
    architecture, column, seccomp = known
    program = b"".join(_program(architecture, column))
    filters = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(filters))
    if library.syscall(seccomp, _SET_FILTER, _IN_ALL_THREADS, ctypes.c_char_p(header)) != 0:
        raise OSError(ctypes.get_errno(), "refused by the system")


def _program(architecture: int, column: int) -> Iterator[bytes]:
    """The filter as BPF, eight bytes per instruction."""
    refuse, allow = _step(_RETURN, _EPERM), _step(_RETURN, _ALLOW)
    yield _step(_LOAD, _ARCHITECTURE_AT)
    yield _step(_EQUAL, architecture, if_true=1)
    yield refuse
    yield _step(_LOAD, _NUMBER_AT)
    if architecture == _X86_64:
        yield _step(_AT_LEAST, _FIRST_X32_CALL, if_false=1)
        yield refuse
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            yield _step(_EQUAL, number, if_false=1)
            yield refuse
    yield _step(_EQUAL, _CLONE3, if_false=1)
    yield _step(_RETURN, _ENOSYS)
    yield _step(_EQUAL, _CLONE[column], if_false=4)
    yield _step(_LOAD, _ARGUMENTS_AT)
    yield _step(_ANY_BIT, _CLONE_THREAD, if_false=1)
    yield allow
    yield refuse
    for name, numbers in _OF_ITSELF_ONLY.items():
        yield _step(_EQUAL, numbers[column], if_false=5 if name == "prlimit64" else 4)
        yield _step(_LOAD, _ARGUMENTS_AT)
        if name == "prlimit64":
            yield _step(_EQUAL, 0, if_true=1)
        yield _step(_EQUAL, os.getpid(), if_false=1)
        yield allow
        yield refuse
    for *of_machine, argument in _OPENING.values():
        if (number := of_machine[column]) is not None:
            yield _step(_EQUAL, number, if_false=4)
            yield _step(_LOAD, _ARGUMENTS_AT + 8 * argument)
            yield _step(_ANY_BIT, _WRITES, if_false=1)
            yield refuse
            yield allow
    yield allow


def _step(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; jumps are relative."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
