// SPDX-License-Identifier: Apache-2.0
#include "marks.h"

#include "places.h"

static const struct {
	enum severity severity;
	const char *reason;
} marks[MARK_COUNT] = {
        [MARK_NONE] = {SEVERITY_INFO, ""},
        [MARK_CREDENTIAL] = {SEVERITY_CRIT, ""}, /* `cred` says it */
        [MARK_STARTED] = {SEVERITY_CRIT, ", which something else will start later on"},
        [MARK_HOME] = {SEVERITY_CRIT, ", a file in somebody's home"},
        [MARK_SYSTEM] = {SEVERITY_WARN, ", a file of the system"},
        [MARK_DROPPED] = {SEVERITY_CRIT, ", a file that it had written itself"},
        [MARK_MEMORY] = {SEVERITY_CRIT, ", a program that is in no file"},
        [MARK_REGISTRY] = {SEVERITY_CRIT, ", where npm itself connects to and can publish"},
        [MARK_METADATA] = {SEVERITY_CRIT, ", the cloud's service that hands out credentials"},
        [MARK_NAMELESS] = {SEVERITY_CRIT, ", an address that no name led to"},
        [MARK_UNNAMED_CONTENT] = {SEVERITY_CRIT,
                                  ", an address of a content network, without any name"},
        [MARK_AFTER_CREDENTIAL] = {SEVERITY_CRIT,
                                   ", and its tree of processes has read a credential"},
        [MARK_AFTER_CONNECT] = {SEVERITY_CRIT,
                                ", after its tree of processes had connected to the network"},
        [MARK_EXECUTED] = {SEVERITY_CRIT, ", and executed it later on"},
        [MARK_MANIFEST] = {SEVERITY_CRIT, ", which hides what was installed"},
        [MARK_BYPASS] = {SEVERITY_CRIT, ", a way around what is watched"},
        [MARK_PROCESS] = {SEVERITY_CRIT, ", a way into other processes"},
        [MARK_CONTROL] = {SEVERITY_CRIT, ", which gives whoever connects power over the host"},
        [MARK_PROBE] = {SEVERITY_WARN, ", a credential that it only looked for"},
        [MARK_FIRST_CODE] = {SEVERITY_CRIT, ", the first code that this installation has run"},
        [MARK_HIDDEN] = {SEVERITY_CRIT, ", which hides the host that it is meant for"},
};

enum mark mark_of_written(struct view path)
{
	if (place_starts(path))
		return MARK_STARTED;
	struct package_path place;
	if (place_of_package(path, &place) && view_is(place.rest, "/package.json"))
		return MARK_MANIFEST;
	if (place_is_home(path))
		return MARK_HOME;
	return place_is_system(path) ? MARK_SYSTEM : MARK_NONE;
}

/* Neither of the machine itself nor of a private network. */
static bool is_public(const struct ip *ip)
{
	static const char *const ranges[] = {
	        "0.0.0.0/8",      "10.0.0.0/8",    "100.64.0.0/10",  "127.0.0.0/8",
	        "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
	        "::/127",         "fc00::/7",      "fe80::/10",      "ff00::/8",
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct cidr cidr;
		if (cidr_parse(view_of_string(ranges[i]), &cidr) && cidr_contains(&cidr, ip))
			return false;
	}
	return true;
}

static bool is_metadata(const struct ip *ip)
{
	static const char *const addresses[] = {"169.254.169.254/32", "169.254.170.2/32",
	                                        "100.100.100.200/32", "fd00:ec2::254/128"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct cidr cidr;
		if (cidr_parse(view_of_string(addresses[i]), &cidr) && cidr_contains(&cidr, ip))
			return true;
	}
	return false;
}

enum mark mark_of_address(const struct ip *ip, bool names_known)
{
	if (is_metadata(ip))
		return MARK_METADATA;
	return names_known && is_public(ip) ? MARK_NAMELESS : MARK_NONE;
}

enum mark mark_with_code(enum mark mark, bool first_code)
{
	return first_code && marks[mark].severity < SEVERITY_CRIT ? MARK_FIRST_CODE : mark;
}

enum severity mark_severity(enum mark mark)
{
	return marks[mark].severity;
}

const char *mark_reason(enum mark mark)
{
	return marks[mark].reason;
}
