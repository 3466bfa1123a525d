// SPDX-License-Identifier: Apache-2.0
/* Ways into the kernel, and to other processes, that are no destination: sockets of other families,
 * UNIX sockets, io_uring, 32-bit calls, calls that reach into another process. */
#include <errno.h>

#include "decode.h"

enum {
	INTERFACE_AF_INET = 2,
	INTERFACE_AF_INET6 = 10,
	INTERFACE_AF_NETLINK = 16,
	INTERFACE_SOCK_RAW = 3,
	INTERFACE_DONE = 1,
};

static void socket_name(const struct record_interface *record, struct buf *out)
{
	static const struct {
		uint32_t family;
		const char *name;
	} families[] = {{17, "packet"}, {38, "alg"}, {40, "vsock"}, {44, "xdp"}};

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (record->family == families[i].family) {
			buf_append_string(out, families[i].name);
			return;
		}
	if (record->family == INTERFACE_AF_NETLINK)
		buf_printf(out, "netlink:%u", record->protocol);
	else if (record->family != INTERFACE_AF_INET && record->family != INTERFACE_AF_INET6)
		buf_printf(out, "family:%u", record->family);
	else
		buf_printf(out, "%s:%u", record->type == INTERFACE_SOCK_RAW ? "raw" : "ip",
		           record->protocol);
}

/* A path's end is its first NUL; an abstract name, which begins with one, has none. */
static struct view unix_name(struct view name)
{
	const char *end = name.size && *name.data ? memchr(name.data, '\0', name.size) : NULL;

	return end ? view_of(name.data, (size_t)(end - name.data)) : name;
}

/* What the C library looks for in every program, and is not there. */
static bool is_probe_of_libc(const struct record_interface *record, struct view path)
{
	return record->result == -ENOENT &&
	       (view_is(path, "/var/run/nscd/socket") || view_is(path, "/run/nscd/socket"));
}

/* False: nothing to be told. */
static bool unix_text(struct run_decoder *decoder, const struct record_interface *record,
                      struct view text)
{
	struct view path = view_of(text.data, record->path_size);
	struct view name = unix_name(view_of(text.data + record->path_size, record->name_size));
	struct buf *out = &decoder->second;

	if (name.size && *name.data != '\0' && path.size == 0 && *name.data != '/') {
		path = name; /* of a datagram: from where is not told */
	} else if (name.size && *name.data != '\0') {
		buf_reset(&decoder->path);
		path_resolve(&decoder->path, path, name);
		path = buf_view(&decoder->path);
	}
	if (path.size == 0 && name.size == 0)
		return false;
	buf_append_string(out, "unix:");
	if (path.size) {
		buf_append_view(out, path);
	} else {
		buf_append_char(out, '@');
		buf_append(out, name.data + 1, name.size - 1);
	}
	return !is_probe_of_libc(record, path);
}

static bool is_unix(const struct record_interface *record)
{
	return record->kind == RECORD_INTERFACE_UNIX || record->kind == RECORD_INTERFACE_UNIX_SEND;
}

static bool is_well_formed(const struct record_interface *record, size_t size)
{
	return size >= sizeof(*record) && record->kind < RECORD_INTERFACE_KIND_COUNT &&
	       size == sizeof(*record) + record->path_size + record->name_size &&
	       (is_unix(record) || size == sizeof(*record));
}

/* Into decoder->second. */
static bool interface_text(struct run_decoder *decoder, const struct record_interface *record,
                           struct view text)
{
	static const char *const names[RECORD_INTERFACE_KIND_COUNT] = {
	        [RECORD_INTERFACE_IO_URING] = "io_uring",
	        [RECORD_INTERFACE_COMPAT] = "32-bit",
	        [RECORD_INTERFACE_X32] = "x32",
	        [RECORD_INTERFACE_KILLED] = "sigsys",
	        [RECORD_INTERFACE_VM_READ] = "process_vm_readv",
	        [RECORD_INTERFACE_VM_WRITE] = "process_vm_writev",
	        [RECORD_INTERFACE_PTRACE] = "ptrace",
	        [RECORD_INTERFACE_PIDFD_GETFD] = "pidfd_getfd",
	};

	buf_reset(&decoder->second);
	if (is_unix(record))
		return unix_text(decoder, record, text);
	if (record->kind == RECORD_INTERFACE_SOCKET)
		socket_name(record, &decoder->second);
	else
		buf_append_string(&decoder->second, names[record->kind]);
	return true;
}

static int32_t result_of(const struct record_interface *record)
{
	if (record->kind == RECORD_INTERFACE_KILLED || record->kind == RECORD_INTERFACE_UNIX_SEND)
		return 0; /* not known */
	return record->result < 0 ? record->result : INTERFACE_DONE;
}

bool decode_interface(struct run_decoder *decoder, struct view record)
{
	const struct record_interface *interface = (const void *)record.data;
	struct event event = {.type = EVENT_CONNECT, .wire_type = EVENT_CONNECT};
	struct process *process;

	if (!is_well_formed(interface, record.size))
		return false;
	process = process_tree_get(&decoder->tree, &interface->header);
	if (!interface_text(
	            decoder, interface,
	            view_of(record.data + sizeof(*interface), record.size - sizeof(*interface))))
		return true;
	decode_process(&interface->header, process, &event.process);
	if (interface->kind == RECORD_INTERFACE_SOCKET || is_unix(interface)) {
		event.connect.family = (uint8_t)interface->family;
		event.connect.protocol = (uint8_t)interface->protocol;
	}
	event.connect.source = EVENT_CONNECT_SYSCALL;
	event.connect.interface = decode_text(buf_view(&decoder->second));
	event.connect.result = result_of(interface);
	decode_emit(decoder, &event);
	return true;
}
