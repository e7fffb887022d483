/*
 * Preloaded: makes the n-th allocation of a real program fail, its libraries'
 * too. Three numbers of 64 bits in the file that $FAILALLOC names, and that the
 * test changes while the program runs: how many allocations to go before one
 * fails (-1: none does), how many have failed, and whose are counted: those of
 * libcrypto (1), of libjansson (2), of the loader (3), or of all the others (0).
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CALLER __builtin_return_address(0)
#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

struct control {
	_Atomic int64_t left;
	_Atomic int64_t failed;
	_Atomic int64_t whose;
};

static struct control *control;

static struct library {
	const char *name;
	uintptr_t start;
	uintptr_t end;
} libraries[] = {
	{ "/libcrypto.so", 0, 0 },
	{ "/libjansson.so", 0, 0 },
	{ "/ld-linux", 0, 0 },
};

#define LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

static int
find_libraries(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) *header;
	struct library *library;
	uintptr_t end;
	size_t i;

	(void)size;
	(void)arg;
	for (i = 0; i < LIBRARIES; i++) {
		library = &libraries[i];
		if (strstr(info->dlpi_name, library->name) == NULL)
			continue;
		library->start = info->dlpi_addr;
		for (header = info->dlpi_phdr;
		    header < info->dlpi_phdr + info->dlpi_phnum; header++) {
			end = info->dlpi_addr + header->p_vaddr +
			    header->p_memsz;
			if (header->p_type == PT_LOAD && end > library->end)
				library->end = end;
		}
	}
	return 0;
}

/* How many have ever been loaded. */
static int
count_loaded(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(unsigned long long *)arg = info->dlpi_adds;
	return 1;
}

static int64_t
whose(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	static unsigned long long seen;
	unsigned long long loaded = 0;
	size_t i;

	/* nginx loads its modules, and the helper its HTTP part, late. */
	dl_iterate_phdr(count_loaded, &loaded);
	if (loaded != seen)
		dl_iterate_phdr(find_libraries, NULL);
	seen = loaded;
	for (i = 0; i < LIBRARIES; i++) {
		if (at >= libraries[i].start && at < libraries[i].end)
			return (int64_t)i + 1;
	}
	return 0;
}

__attribute__((constructor)) static void
open_control(void)
{
	const char *path;
	void *map;
	int fd;

	path = secure_getenv("FAILALLOC");
	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	control = map;
}

static bool
must_fail(const void *caller)
{
	if (control == NULL || control->left < 0 ||
	    control->whose != whose(caller) || control->left-- > 0)
		return false;
	control->failed++;
	errno = ENOMEM;
	return true;
}

EXPORTED void *
malloc(size_t size)
{
	return must_fail(CALLER) ? NULL : __libc_malloc(size);
}

EXPORTED void *
calloc(size_t count, size_t size)
{
	return must_fail(CALLER) ? NULL : __libc_calloc(count, size);
}

EXPORTED void *
realloc(void *old, size_t size)
{
	return must_fail(CALLER) ? NULL : __libc_realloc(old, size);
}

EXPORTED void *
memalign(size_t alignment, size_t size)
{
	return must_fail(CALLER) ? NULL : __libc_memalign(alignment, size);
}

EXPORTED void *
aligned_alloc(size_t alignment, size_t size)
{
	return must_fail(CALLER) ? NULL : __libc_memalign(alignment, size);
}

EXPORTED int
posix_memalign(void **memory, size_t alignment, size_t size)
{
	void *got;

	got = must_fail(CALLER) ? NULL : __libc_memalign(alignment, size);
	if (got == NULL)
		return ENOMEM;
	*memory = got;
	return 0;
}
