/*
 * The system calls that the helper never makes, answered with EPERM.
 *
 * A list of what is forbidden and not of what is allowed: what libcurl,
 * OpenSSL and libc call differs from release to release, and what the modules
 * of nsswitch.conf(5) call is anybody's guess; a list of those would one day
 * lock everybody out. Calls younger than this list do not exist (ENOSYS),
 * which is what libc expects of an old kernel. Written by hand and not by
 * libseccomp: one table and one loop, against one more library in a process
 * of root's.
 */
#include "helper/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH	AUDIT_ARCH_AARCH64
#endif

/* set_mempolicy_home_node, Linux 5.17. The numbers from 424 on are the same
 * on all architectures; x32, a second numbering on x86-64, lies above. */
#define LAST_CALL	450

#define PROGRAM_MAX	512

enum when {
	ALWAYS,
	HAS_ALL,	/* the argument holds all bits of value */
	LACKS,		/* ... and none of them */
	IS,		/* ... and is value */
	IS_NOT,
	MAKES		/* a mode, behind the flags of an open: a file is made,
			 * and with all bits; else nobody has set a mode */
};

/* O_TMPFILE has O_DIRECTORY's bit as well. */
#define MAKING	((uint32_t)(O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))

struct rule {
	unsigned int call;
	enum when when;
	unsigned int argument;
	uint32_t value;
};

struct program {
	struct sock_filter step[PROGRAM_MAX];
	unsigned short count;
};

#ifdef OUR_ARCH

#define NEVER(name)	{ SYS_##name, ALWAYS, 0, 0 }

static const struct rule rules[] = {
	/* Another program, another process. Threads are allowed; clone3
	 * is answered below. */
	NEVER(execve), NEVER(execveat),
#ifndef OG_LEAK_TRACER	/* LeakSanitizer is a process that traces */
	{ SYS_clone, LACKS, 0, CLONE_THREAD }, NEVER(ptrace),
#endif
#ifdef SYS_fork
	NEVER(fork), NEVER(vfork),
#endif
	NEVER(unshare), NEVER(setns),

	/* Other processes. */
	NEVER(process_vm_readv), NEVER(process_vm_writev),
	NEVER(process_madvise), NEVER(process_mrelease), NEVER(kcmp),
	NEVER(pidfd_open), NEVER(pidfd_getfd), NEVER(pidfd_send_signal),
	NEVER(kill), NEVER(tkill), NEVER(rt_sigqueueinfo),
	NEVER(rt_tgsigqueueinfo), NEVER(setpriority),
	{ SYS_prlimit64, IS_NOT, 0, 0 }, NEVER(migrate_pages),
	NEVER(move_pages), NEVER(ioprio_set),
	{ SYS_fcntl, IS, 1, F_SETOWN }, { SYS_fcntl, IS, 1, F_SETOWN_EX },
	{ SYS_ioctl, IS, 1, FIOSETOWN }, { SYS_ioctl, IS, 1, SIOCSPGRP },
	{ SYS_ioctl, IS, 1, TIOCSTI },

	/* Another user, more powers. */
	NEVER(setuid), NEVER(setgid), NEVER(setreuid), NEVER(setregid),
	NEVER(setresuid), NEVER(setresgid), NEVER(setfsuid),
	NEVER(setfsgid), NEVER(setgroups), NEVER(capset),
	NEVER(personality),
	{ SYS_fchmod, HAS_ALL, 1, S_ISUID },
	{ SYS_fchmodat, HAS_ALL, 2, S_ISUID },
	{ SYS_openat, MAKES, 3, S_ISUID }, NEVER(mknodat),
#ifdef SYS_open
	{ SYS_chmod, HAS_ALL, 1, S_ISUID },
	{ SYS_open, MAKES, 2, S_ISUID },
	{ SYS_creat, HAS_ALL, 1, S_ISUID }, NEVER(mknod), NEVER(chown),
	NEVER(lchown),
#endif
	NEVER(fchown), NEVER(fchownat),

	/* Files by other ways than their names. */
	NEVER(open_by_handle_at), NEVER(name_to_handle_at),
	NEVER(io_uring_setup), NEVER(io_uring_enter),
	NEVER(io_uring_register), NEVER(fanotify_init), NEVER(fanotify_mark),
	NEVER(memfd_create), NEVER(memfd_secret),

	/* Code that was data. Libraries are mapped from files and never
	 * writable at once. */
	{ SYS_mmap, HAS_ALL, 2, PROT_WRITE | PROT_EXEC },
	{ SYS_mprotect, HAS_ALL, 2, PROT_EXEC },
	{ SYS_pkey_mprotect, HAS_ALL, 2, PROT_EXEC },
	NEVER(shmat), NEVER(shmget), NEVER(remap_file_pages),

	/* The machine. */
	NEVER(mount), NEVER(umount2), NEVER(pivot_root), NEVER(chroot),
	NEVER(fsopen), NEVER(fsconfig), NEVER(fsmount), NEVER(fspick),
	NEVER(move_mount), NEVER(open_tree), NEVER(mount_setattr),
	NEVER(swapon), NEVER(swapoff), NEVER(reboot), NEVER(kexec_load),
	NEVER(kexec_file_load), NEVER(init_module), NEVER(finit_module),
	NEVER(delete_module), NEVER(bpf), NEVER(perf_event_open),
	NEVER(userfaultfd), NEVER(keyctl), NEVER(add_key),
	NEVER(request_key), NEVER(quotactl), NEVER(quotactl_fd),
	NEVER(acct), NEVER(syslog), NEVER(settimeofday),
	NEVER(clock_settime), NEVER(clock_adjtime), NEVER(adjtimex),
	NEVER(sethostname), NEVER(setdomainname), NEVER(vhangup),
	NEVER(lookup_dcookie), NEVER(nfsservctl),
#ifdef SYS_iopl
	NEVER(iopl), NEVER(ioperm), NEVER(modify_ldt),
#endif

	/* It asks; nobody asks it. */
	NEVER(listen), NEVER(accept), NEVER(accept4),
};

/* What name services and HTTP speak. */
static const uint32_t families[] = {
	AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
};

static void
step(struct program *program, unsigned int code, uint32_t k, unsigned int yes,
    unsigned int no)
{
	struct sock_filter *at;

	at = &program->step[program->count++];
	at->code = (unsigned short)code;
	at->jt = (unsigned char)yes;
	at->jf = (unsigned char)no;
	at->k = k;
}

static void
load(struct program *program, size_t offset)
{
	step(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Its low half: all that we look at is an int or small flags. */
static void
load_argument(struct program *program, unsigned int argument)
{
	size_t offset;

	offset = offsetof(struct seccomp_data, args) + argument * 8;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += 4;
#endif
	load(program, offset);
}

static void
answer(struct program *program, int error)
{
	step(program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error,
	    0, 0);
}

/* After the test of the argument: one step that refuses, or none. */
static void
test_argument(struct program *program, const struct rule *rule)
{
	if (rule->when == MAKES) {
		load_argument(program, rule->argument - 1);
		step(program, BPF_JMP | BPF_JSET | BPF_K, MAKING, 0, 4);
	}
	load_argument(program, rule->argument);
	switch (rule->when) {
	case ALWAYS:
		break;
	case HAS_ALL:
	case MAKES:
		step(program, BPF_ALU | BPF_AND | BPF_K, rule->value, 0, 0);
		step(program, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1);
		break;
	case LACKS:
		step(program, BPF_JMP | BPF_JSET | BPF_K, rule->value, 1, 0);
		break;
	case IS:
		step(program, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1);
		break;
	case IS_NOT:
		step(program, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 1, 0);
		break;
	}
}

static void
forbid(struct program *program, const struct rule *rule)
{
	unsigned short jump;

	jump = program->count;
	step(program, BPF_JMP | BPF_JEQ | BPF_K, rule->call, 0, 0);
	if (rule->when != ALWAYS)
		test_argument(program, rule);
	answer(program, EPERM);
	if (rule->when != ALWAYS)
		load(program, offsetof(struct seccomp_data, nr));
	/* Another call: past all this. The number is loaded again there, if
	 * it was lost, by the step before. */
	program->step[jump].jf =
	    (unsigned char)(program->count - jump - 1);
}

static void
forbid_families(struct program *program)
{
	const uint32_t count = sizeof(families) / sizeof(families[0]);
	uint32_t i;

	step(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, count + 3);
	load_argument(program, 0);
	for (i = 0; i < count; i++)
		step(program, BPF_JMP | BPF_JEQ | BPF_K, families[i],
		    count - i, 0);
	answer(program, EAFNOSUPPORT);
	step(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

int
og_confine_calls(void)
{
	/* raise(3) and abort(3) by our own number. */
	const struct rule own = {
		SYS_tgkill, IS_NOT, 0, (uint32_t)getpid()
	};
	struct program program;
	struct sock_fprog load_this;
	size_t i;

	program.count = 0;
	/* By the numbers of another architecture all the rest is void. */
	load(&program, offsetof(struct seccomp_data, arch));
	step(&program, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
	step(&program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load(&program, offsetof(struct seccomp_data, nr));
	step(&program, BPF_JMP | BPF_JGT | BPF_K, LAST_CALL, 2, 0);
	/* What these are asked for stands where no filter sees it. */
	step(&program, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 1, 0);
	step(&program, BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1);
	answer(&program, ENOSYS);
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		forbid(&program, &rules[i]);
	forbid(&program, &own);
	forbid_families(&program);
	step(&program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	load_this.len = program.count;
	load_this.filter = program.step;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_TSYNC, &load_this) == 0 ? 0 : -1;
}

#else	/* no table for this architecture */

int
og_confine_calls(void)
{
	errno = ENOSYS;
	return -1;
}

#endif
