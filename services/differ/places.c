// SPDX-License-Identifier: Apache-2.0
#include "places.h"

#include <stddef.h>

/* As VIEW_LITERAL(), for initialisers of static tables. */
#define V(literal)                                                                                 \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RENAME_SUFFIX = 9 }; /* "-aB3dE6gH" */

static const struct view folder_mark = V("/node_modules/");

static bool has(struct view text, struct view part)
{
	return text.size >= part.size && memmem(text.data, text.size, part.data, part.size);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* From `at` to the end. */
static struct view from(struct view text, size_t at)
{
	return view_of(text.data + at, text.size - at);
}

static struct view until(struct view text, const char *end)
{
	return view_of(text.data, (size_t)(end - text.data));
}

/* ".lodash-aB3dE6gH" is lodash. */
static struct view without_rename(struct view name)
{
	if (name.size < RENAME_SUFFIX + 2 || name.data[0] != '.' ||
	    name.data[name.size - RENAME_SUFFIX] != '-')
		return name;
	for (size_t i = name.size - RENAME_SUFFIX + 1; i < name.size; i++)
		if (!is_alnum(name.data[i]))
			return name;
	return view_of(name.data + 1, name.size - 1 - RENAME_SUFFIX);
}

/* The package's name at the start of what is behind "/node_modules/": one component, or two behind
 * a scope. Empty for .bin and other files that npm keeps there. */
static struct view package_name(struct view rest)
{
	struct view text = rest;
	struct view name = view_split(&rest, '/');
	if (name.size && name.data[0] == '@') {
		struct view second = view_split(&rest, '/');
		return second.size ? view_of(text.data, name.size + 1 + second.size)
		                   : (struct view){0};
	}
	bool own = name.size && name.data[0] == '.' && without_rename(name).data == name.data;
	return own ? (struct view){0} : name;
}

/* "@scope/" and what is behind it. */
static void split_name(struct view written, struct package_path *ret)
{
	const char *slash = memchr(written.data, '/', written.size);
	ret->scope = slash ? until(written, slash + 1) : (struct view){0};
	ret->name = without_rename(from(written, ret->scope.size));
}

bool place_of_package(struct view path, struct package_path *ret)
{
	struct view left = path;
	bool found = false;
	const char *mark;
	*ret = (struct package_path){0};
	while ((mark = memmem(left.data, left.size, folder_mark.data, folder_mark.size))) {
		const char *start = mark + folder_mark.size;
		struct view behind = view_of(start, left.size - (size_t)(start - left.data));
		struct view name = package_name(behind);
		if (name.size == 0)
			break;
		split_name(name, ret);
		ret->folder = until(path, name.data + name.size);
		ret->rest = from(path, ret->folder.size);
		if (!found) {
			ret->root = until(path, mark);
			ret->outer = name;
			ret->inside = ret->rest;
			found = true;
		}
		left = ret->rest;
	}
	return found;
}

static const struct view npms_marks[] = {
        V("/.npm/_cacache/"),     V("/.npm/_logs/"),
        V("/.npm/_npx/"),         V("/.npm/_update-notifier-last-checked"),
        V("/.npm/_locks/"),       V("/node_modules/.package-lock.json"),
        V("/node_modules/.bin/"),
};
static const struct view npms_starts[] = {
        V("/tmp/npm-"),
        V("/tmp/node-compile-cache/"),
        V("/tmp/v8-compile-cache-"),
        V("/proc/self/"),
        V("/dev/pts/"),
};
static const struct view npms_ends[] = {
        V("/.npm"),
        V("/.npm/_cacache"),
        V("/.npm/_logs"),
        V("/node_modules"),
        V("/node_modules/.bin"),
        V("/package.json"),
        V("/package-lock.json"),
        V("/npm-shrinkwrap.json"),
};
static const struct view nothing_devices[] = {
        V("/dev/null"), V("/dev/tty"), V("/dev/ptmx"), V("/dev/random"), V("/dev/urandom"),
};

static bool any_inside(const struct view *marks, size_t count, struct view path)
{
	for (size_t i = 0; i < count; i++)
		if (has(path, marks[i]))
			return true;
	return false;
}

static bool any_start(const struct view *starts, size_t count, struct view path)
{
	for (size_t i = 0; i < count; i++)
		if (view_starts_with(path, starts[i]))
			return true;
	return false;
}

static bool any_end(const struct view *ends, size_t count, struct view path)
{
	for (size_t i = 0; i < count; i++)
		if (view_ends_with(path, ends[i]))
			return true;
	return false;
}

bool place_is_npms(struct view path)
{
	for (size_t i = 0; i < COUNT(nothing_devices); i++)
		if (view_equal(path, nothing_devices[i]))
			return true;
	return any_inside(npms_marks, COUNT(npms_marks), path) ||
	       any_start(npms_starts, COUNT(npms_starts), path) ||
	       any_end(npms_ends, COUNT(npms_ends), path);
}

/* "/root/x" and "/home/<user>/x" give "/x"; false for anything else. */
static bool in_home(struct view path, struct view *ret)
{
	static const struct view root = V("/root/"), home = V("/home/");
	if (view_starts_with(path, root)) {
		*ret = from(path, root.size - 1);
		return true;
	}
	if (!view_starts_with(path, home))
		return false;
	struct view rest = from(path, home.size);
	const char *slash = memchr(rest.data, '/', rest.size);
	if (!slash)
		return false;
	*ret = view_of(slash, rest.size - (size_t)(slash - rest.data));
	return true;
}

static const struct view secret_files[] = {
        V("/.npmrc"),        V("/.yarnrc.yml"),      V("/.netrc"),
        V("/.pypirc"),       V("/.git-credentials"), V("/.config/gh/hosts.yml"),
        V("/.bash_history"), V("/.zsh_history"),     V("/.vault-token"),
        V("/.pgpass"),       V("/.claude.json"),
};
static const struct view secret_folders[] = {
        V("/.ssh/"),
        V("/.aws/"),
        V("/.docker/"),
        V("/.kube/"),
        V("/.gnupg/"),
        V("/.azure/"),
        V("/.config/gcloud/"),
        V("/.config/solana/"),
        V("/.electrum/"),
        V("/.bitcoin/"),
        V("/.ethereum/"),
        V("/.mozilla/"),
        V("/.config/google-chrome/"),
        V("/.config/BraveSoftware/"),
        V("/.config/Exodus/"),
        V("/.terraform.d/"),
};
static const struct view secret_system_files[] = {
        V("/etc/shadow"),
        V("/etc/gshadow"),
        V("/etc/sudoers"),
};
static const struct view secret_system_folders[] = {
        V("/run/secrets/"),
        V("/var/run/secrets/"),
};

/* Another process's memory or environment, or one's own. */
static bool is_process_secret(struct view path)
{
	static const struct view proc = V("/proc/"), environ = V("/environ"), mem = V("/mem");
	return view_starts_with(path, proc) &&
	       (view_ends_with(path, environ) || view_ends_with(path, mem));
}

bool place_is_credential(struct view path)
{
	struct view home;
	if (is_process_secret(path) ||
	    any_start(secret_system_folders, COUNT(secret_system_folders), path))
		return true;
	for (size_t i = 0; i < COUNT(secret_system_files); i++)
		if (view_equal(path, secret_system_files[i]))
			return true;
	if (!in_home(path, &home))
		return false;
	for (size_t i = 0; i < COUNT(secret_files); i++)
		if (view_equal(home, secret_files[i]))
			return true;
	return any_start(secret_folders, COUNT(secret_folders), home);
}

bool place_is_account_list(struct view path)
{
	return view_is(path, "/etc/passwd") || view_is(path, "/etc/group");
}

bool place_is_control_socket(struct view path)
{
	static const struct view ends[] = {
	        V("/docker.sock"),     V("/containerd.sock"), V("/podman.sock"),
	        V("/crio.sock"),       V("/buildkitd.sock"),  V("/system_bus_socket"),
	        V("/systemd/private"), V("/S.gpg-agent"),     V("/S.gpg-agent.ssh"),
	        V("/keyring/ssh"),
	};
	static const struct view agent = V("/tmp/ssh-"), agent_name = V("/agent.");
	return any_end(ends, COUNT(ends), path) ||
	       (view_starts_with(path, agent) && has(path, agent_name));
}

/* `home`: only in a home. */
struct start_rule {
	struct view place;
	enum { AT_START, AT_END, INSIDE, HOME_START } how;
	const char *what;
};

static const char a_shell[] = "a shell starts";
static const char cron[] = "cron";
static const char systemd[] = "systemd";
static const char git[] = "git runs a hook";
static const char ci[] = "the project's continuous integration";
static const char editor[] = "an editor or assistant opens the project";
static const char login[] = "somebody logs in";
static const char linker[] = "any program starts";

static const struct start_rule start_rules[] = {
        {V("/.bashrc"), HOME_START, a_shell},
        {V("/.bash_profile"), HOME_START, a_shell},
        {V("/.bash_login"), HOME_START, a_shell},
        {V("/.bash_logout"), HOME_START, a_shell},
        {V("/.bash_aliases"), HOME_START, a_shell},
        {V("/.profile"), HOME_START, a_shell},
        {V("/.zshrc"), HOME_START, a_shell},
        {V("/.zshenv"), HOME_START, a_shell},
        {V("/.zprofile"), HOME_START, a_shell},
        {V("/.zlogin"), HOME_START, a_shell},
        {V("/.config/fish/"), HOME_START, a_shell},
        {V("/etc/profile"), AT_START, a_shell},
        {V("/etc/bash.bashrc"), AT_START, a_shell},
        {V("/etc/environment"), AT_START, a_shell},
        {V("/etc/cron"), AT_START, cron},
        {V("/etc/anacrontab"), AT_START, cron},
        {V("/var/spool/cron"), AT_START, cron},
        {V("/etc/systemd/"), AT_START, systemd},
        {V("/etc/init.d/"), AT_START, systemd},
        {V("/etc/rc.local"), AT_START, systemd},
        {V("/usr/lib/systemd/"), AT_START, systemd},
        {V("/lib/systemd/"), AT_START, systemd},
        {V("/.config/systemd/"), HOME_START, systemd},
        {V("/.local/share/systemd/"), HOME_START, systemd},
        {V("/.config/autostart/"), HOME_START, login},
        {V("/.ssh/authorized_keys"), HOME_START, login},
        {V("/.ssh/rc"), HOME_START, login},
        {V("/etc/ld.so.preload"), AT_START, linker},
        {V("/.git/hooks/"), INSIDE, git},
        {V("/.husky/"), INSIDE, git},
        {V("/.gitconfig"), HOME_START, git},
        {V("/.git/config"), AT_END, git},
        {V("/.github/workflows/"), INSIDE, ci},
        {V("/.gitlab-ci.yml"), AT_END, ci},
        {V("/.circleci/"), INSIDE, ci},
        {V("/.vscode/tasks.json"), AT_END, editor},
        {V("/.vscode/settings.json"), AT_END, editor},
        {V("/.vscode/launch.json"), AT_END, editor},
        {V("/.claude/"), INSIDE, editor},
        {V("/.cursor/"), INSIDE, editor},
        {V("/.gemini/"), INSIDE, editor},
};

static bool start_matches(const struct start_rule *rule, struct view path, const struct view *home)
{
	switch (rule->how) {
	case AT_START:
		return view_starts_with(path, rule->place);
	case AT_END:
		return view_ends_with(path, rule->place);
	case INSIDE:
		return has(path, rule->place);
	case HOME_START:
		return home && view_starts_with(*home, rule->place);
	}
	return false;
}

const char *place_starts(struct view path)
{
	struct view home;
	bool at_home = in_home(path, &home);
	for (size_t i = 0; i < COUNT(start_rules); i++)
		if (start_matches(&start_rules[i], path, at_home ? &home : NULL))
			return start_rules[i].what;
	return NULL;
}

static const struct view cache_folders[] = {
        V("/.cache/"),
        V("/.npm/"),
        V("/.node-gyp/"),
        V("/.electron/"),
        V("/.electron-gyp/"),
        V("/.cargo/"),
        V("/.rustup/"),
        V("/.yarn/"),
        V("/.pnpm-store/"),
        V("/.local/share/"),
        V("/.config/configstore/"),
        V("/.prebuild/"),
};

/* Below a folder for caches, that folder itself, or one that it is in. */
static bool is_for_caches(struct view home)
{
	for (size_t i = 0; i < COUNT(cache_folders); i++) {
		struct view folder = cache_folders[i];
		if (view_starts_with(home, folder) ||
		    (view_starts_with(folder, home) && folder.data[home.size] == '/'))
			return true;
	}
	return false;
}

bool place_is_home(struct view path)
{
	struct view home;
	return in_home(path, &home) && !is_for_caches(home);
}

static const struct view system_folders[] = {
        V("/etc/"), V("/usr/"), V("/bin/"), V("/sbin/"), V("/lib"), V("/boot/"), V("/opt/"),
};

bool place_is_system(struct view path)
{
	return any_start(system_folders, COUNT(system_folders), path);
}
