// SPDX-License-Identifier: Apache-2.0
#include "interfaces.h"

#include <stddef.h>

#include "places.h"

static const struct interface_rule {
	const char *name; /* the whole name, or with a colon at its end what it begins with */
	enum mark mark;
	bool network;
} rules[] = {
        {"raw:", MARK_BYPASS, true},
        {"packet", MARK_BYPASS, true},
        {"xdp", MARK_BYPASS, true},
        {"vsock", MARK_BYPASS, true},
        {"ip:", MARK_NONE, true},
        {"family:", MARK_NONE, true},
        {"netlink:", MARK_NONE, false},
        {"alg", MARK_NONE, false},
        {"io_uring", MARK_NONE, false},
        {"32-bit", MARK_BYPASS, false},
        {"x32", MARK_BYPASS, false},
        {"sigsys", MARK_BYPASS, false},
        {"process_vm_readv", MARK_PROCESS, false},
        {"process_vm_writev", MARK_PROCESS, false},
        {"ptrace", MARK_PROCESS, false},
        {"pidfd_getfd", MARK_PROCESS, false},
};

static const struct interface_rule *rule_of(struct view interface)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct view name = view_of_string(rules[i].name);
		bool begins = name.data[name.size - 1] == ':';
		if (begins ? view_starts_with(interface, name) : view_equal(interface, name))
			return &rules[i];
	}
	return NULL;
}

/* "unix:<path>" */
static struct view socket_path(struct view interface)
{
	struct view start = VIEW_LITERAL("unix:");
	if (!view_starts_with(interface, start))
		return (struct view){0};
	return view_of(interface.data + start.size, interface.size - start.size);
}

enum mark interface_mark(struct view interface)
{
	const struct interface_rule *rule = rule_of(interface);
	if (rule)
		return rule->mark;
	return place_is_control_socket(socket_path(interface)) ? MARK_CONTROL : MARK_NONE;
}

bool interface_is_network(struct view interface)
{
	const struct interface_rule *rule = rule_of(interface);
	return rule && rule->network;
}

bool interface_is_noise(struct view interface)
{
	static const char *const sockets[] = {"/run/nscd/socket", "/var/run/nscd/socket",
	                                      "/run/systemd/resolve/io.systemd.Resolve",
	                                      "/run/systemd/userdb/io.systemd.DynamicUser"};
	struct view path = socket_path(interface);
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (view_is(path, sockets[i]))
			return true;
	return false;
}
