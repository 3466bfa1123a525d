// SPDX-License-Identifier: Apache-2.0
#include "metrics/metrics_process.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "json/json_writer.h"

enum { PROC_FILE_MAX = 16 * 1024 };

/* What /proc/self/stat says, in base units. */
struct process_stat {
	double cpu_seconds, start_seconds; /* the start since boot */
	uint64_t threads, virtual_bytes, resident_bytes;
};

static uint64_t next_number(struct view *rest)
{
	uint64_t number = 0;
	(void)view_to_u64(view_split(rest, ' '), &number); /* negative ones are of no interest */
	return number;
}

static void skip_fields(struct view *rest, int count)
{
	for (int i = 0; i < count; i++)
		(void)view_split(rest, ' ');
}

/* The fields of proc(5): state is the 3rd and the first behind the name, which may hold anything
 * but ends at the last ')'. */
static bool parse_stat(struct view text, struct process_stat *stat)
{
	const char *name_end = memrchr(text.data, ')', text.size);
	double tick = (double)sysconf(_SC_CLK_TCK);
	if (!name_end || text.data + text.size - name_end < 2)
		return false;
	struct view rest = view_of(name_end + 2, text.size - (size_t)(name_end + 2 - text.data));
	skip_fields(&rest, 11);
	stat->cpu_seconds = (double)next_number(&rest) / tick;  /* 14: utime */
	stat->cpu_seconds += (double)next_number(&rest) / tick; /* 15: stime */
	skip_fields(&rest, 4);
	stat->threads = next_number(&rest); /* 20 */
	skip_fields(&rest, 1);
	stat->start_seconds = (double)next_number(&rest) / tick; /* 22 */
	stat->virtual_bytes = next_number(&rest);                /* 23 */
	stat->resident_bytes = next_number(&rest) * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* The time of boot in Unix seconds: the line "btime N" of /proc/stat. */
static uint64_t boot_seconds(void)
{
	AUTO(fclose) FILE *file = fopen("/proc/stat", "re");
	AUTO(free) char *line = NULL;
	size_t capacity = 0;
	ssize_t size = 0;
	while (file && (size = getline(&line, &capacity, file)) > 0) {
		struct view rest = view_trim(view_of(line, (size_t)size));
		if (view_is(view_split(&rest, ' '), "btime"))
			return next_number(&rest);
	}
	return 0;
}

static uint64_t open_fds(void)
{
	uint64_t count = 0;
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	(void)closedir(dir);
	enum { NOT_COUNTED = 3 }; /* ".", "..", and the folder's own descriptor */
	return count > NOT_COUNTED ? count - NOT_COUNTED : 0;
}

static uint64_t max_fds(void)
{
	struct rlimit limit = {0};
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

static void put(struct buf *out, const char *type, const char *name, const char *help, double value)
{
	struct json_writer number = json_writer_on(out);
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
	json_put_double(&number, value);
	buf_append_char(out, '\n');
}

void metrics_render_process(struct buf *out)
{
	AUTO(buf) struct buf text;
	struct process_stat stat = {0};
	buf_init(&text, PROC_FILE_MAX);
	if (file_read("/proc/self/stat", &text, NULL) < 0 || !parse_stat(buf_view(&text), &stat))
		return; /* no /proc: then there is nothing to say */
	put(out, "counter", "process_cpu_seconds_total", "User and system CPU time spent.",
	    stat.cpu_seconds);
	put(out, "gauge", "process_resident_memory_bytes", "Resident memory.",
	    (double)stat.resident_bytes);
	put(out, "gauge", "process_virtual_memory_bytes", "Virtual memory.",
	    (double)stat.virtual_bytes);
	put(out, "gauge", "process_threads", "Threads.", (double)stat.threads);
	put(out, "gauge", "process_open_fds", "Open file descriptors.", (double)open_fds());
	put(out, "gauge", "process_max_fds", "The limit of open file descriptors.",
	    (double)max_fds());
	put(out, "gauge", "process_start_time_seconds", "Unix time of the start.",
	    (double)boot_seconds() + stat.start_seconds);
}
