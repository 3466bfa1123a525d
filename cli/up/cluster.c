// SPDX-License-Identifier: Apache-2.0
#include "up/cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "db/db.h"
#include "up/files.h"

enum { PASSWORD_BYTES = 24, PASSWORD_TEXT_SIZE = 2 * PASSWORD_BYTES + 1 };

struct cluster {
	char *bin_dir, *data_dir, *dir, *log_path, *program, *port_text, *url, *admin_url;
	uid_t uid; /* (uid_t)-1: as this process */
	gid_t gid;
};

static bool is_executable(const char *dir, const char *name)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, name);
	return access(path, X_OK) == 0;
}

/* Debian keeps each major version's server apart and off the PATH; the newest is taken. */
static char *newest_debian_bin_dir(void)
{
	glob_t found = {0};
	char *best = NULL;
	long best_major = 0;
	if (glob("/usr/lib/postgresql/[0-9]*/bin", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			long major = strtol(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"),
			                    NULL, 10);
			if (major <= best_major || !is_executable(found.gl_pathv[i], "initdb"))
				continue;
			free(best);
			best = xstrdup(found.gl_pathv[i]);
			best_major = major;
		}
	}
	globfree(&found);
	return best;
}

static char *bin_dir_on_path(void)
{
	struct view rest = view_of_string(getenv("PATH"));
	while (rest.size) {
		AUTO(free) char *dir = view_dup(view_split(&rest, ':'));
		if (*dir && is_executable(dir, "initdb") && is_executable(dir, "postgres"))
			return xstrdup(dir);
	}
	return NULL;
}

static int find_bin_dir(struct cluster *cluster, const char *given, struct error *err)
{
	if (given && *given)
		cluster->bin_dir = xstrdup(given);
	else
		cluster->bin_dir = newest_debian_bin_dir();
	if (!cluster->bin_dir)
		cluster->bin_dir = bin_dir_on_path();
	if (cluster->bin_dir && is_executable(cluster->bin_dir, "initdb"))
		return 0;
	return error_set_class(err, ERROR_FATAL, ENOENT,
	                       "no PostgreSQL server programs found%s%s: install the package "
	                       "'postgresql', or name an existing server with --db-url",
	                       cluster->bin_dir ? " in " : "",
	                       cluster->bin_dir ? cluster->bin_dir : "");
}

static int choose_user(struct cluster *cluster, struct error *err)
{
	cluster->uid = (uid_t)-1;
	cluster->gid = (gid_t)-1;
	if (geteuid() != 0)
		return 0;
	const struct passwd *user = getpwnam("postgres");
	if (!user)
		return error_set_class(err, ERROR_FATAL, ENOENT,
		                       "PostgreSQL refuses to run as root and there is no user "
		                       "'postgres': install the package 'postgresql', or name an "
		                       "existing server with --db-url");
	cluster->uid = user->pw_uid;
	cluster->gid = user->pw_gid;
	return 0;
}

static bool port_is_free(int64_t port, int64_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)port),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int reuse = 1;
	AUTO(close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, size) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return false;
	*ret_port = ntohs(address.sin_port);
	return true;
}

/* The port is remembered, so that a database URL noted elsewhere survives a restart. */
static int choose_port(struct cluster *cluster, int64_t wanted, struct error *err)
{
	AUTO(free) char *path = xasprintf("%s/postgres.port", cluster->data_dir);
	AUTO(free) char *last = file_read_small(path, NULL);
	int64_t port = wanted;
	if (!port && last)
		(void)view_to_i64(view_trim(view_of_string(last)), &port);
	if (!port_is_free(port, &port) && (wanted || !port_is_free(0, &port)))
		return error_set_class(err, ERROR_FATAL, EADDRINUSE,
		                       "port %lld on 127.0.0.1 is taken: choose another with "
		                       "--db-port, or 0 for any",
		                       (long long)wanted);
	cluster->port_text = xasprintf("%lld", (long long)port);
	return file_write_atomically(path, cluster->port_text, 0600, err);
}

static int load_password(const struct cluster *cluster, char password[PASSWORD_TEXT_SIZE],
                         struct error *err)
{
	AUTO(free) char *path = xasprintf("%s/postgres.password", cluster->data_dir);
	AUTO(free) char *known = file_read_small(path, NULL);
	if (known && strlen(known) == PASSWORD_TEXT_SIZE - 1) {
		memcpy(password, known, PASSWORD_TEXT_SIZE);
		return 0;
	}
	random_hex(password, PASSWORD_BYTES);
	return file_write_atomically(path, password, 0600, err);
}

static int run_initdb(const struct cluster *cluster, const char *dir, const char *password_file,
                      struct error *err)
{
	AUTO(free) char *program = xasprintf("%s/initdb", cluster->bin_dir);
	AUTO(free) char *pwfile = xasprintf("--pwfile=%s", password_file);
	struct supervisor once = {0};
	struct child *child = supervisor_add(&once, "initdb", program);
	const char *const args[] = {"-D", dir,    "-U",         "fangs", "-A", "scram-sha-256",
	                            "-E", "UTF8", "--locale=C", pwfile};
	child_add_args(child, args, sizeof(args) / sizeof(args[0]));
	child->uid = cluster->uid;
	child->gid = cluster->gid;
	child->log_path = cluster->log_path;
	supervisor_turn(&once);
	int status = 0;
	if (child->pid < 0 || waitpid(child->pid, &status, 0) < 0)
		return error_set_errno(err, errno, "cannot run '%s'", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set_class(err, ERROR_FATAL, EIO,
	                       "initdb could not make a cluster in '%s': its output is at the end "
	                       "of %s",
	                       dir, cluster->log_path);
}

static int give_to_user(const struct cluster *cluster, const char *path, struct error *err)
{
	if (cluster->uid != (uid_t)-1 && chown(path, cluster->uid, cluster->gid) != 0)
		return error_set_errno(err, errno, "cannot give '%s' to the user postgres", path);
	return 0;
}

/* Made under another name and moved into place, so that an interrupted initdb is not taken for a
 * cluster. */
static int make_cluster(const struct cluster *cluster, const char *password, struct error *err)
{
	AUTO(free) char *staging = xasprintf("%s/postgres.new", cluster->data_dir);
	AUTO(free) char *password_file = xasprintf("%s/postgres.pwfile", cluster->data_dir);
	int ret = directory_remove(staging, err);
	if (ret == 0 && mkdir(staging, 0700) != 0)
		ret = error_set_errno(err, errno, "cannot create '%s'", staging);
	if (ret == 0)
		ret = give_to_user(cluster, staging, err);
	if (ret == 0)
		ret = file_write_atomically(password_file, password, 0600, err);
	if (ret == 0)
		ret = give_to_user(cluster, password_file, err);
	if (ret == 0)
		ret = run_initdb(cluster, staging, password_file, err);
	(void)unlink(password_file);
	if (ret == 0 && rename(staging, cluster->dir) != 0)
		ret = error_set_errno(err, errno, "cannot rename '%s'", staging);
	return ret;
}

static int prepare_log(const struct cluster *cluster, struct error *err)
{
	AUTO(close)
	int fd = open(cluster->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", cluster->log_path);
	return give_to_user(cluster, cluster->log_path, err);
}

static int prepare(struct cluster *cluster, const struct cluster_options *options,
                   struct error *err)
{
	char password[PASSWORD_TEXT_SIZE];
	cluster->data_dir = xstrdup(options->data_dir);
	cluster->dir = xasprintf("%s/postgres", options->data_dir);
	cluster->log_path = xasprintf("%s/postgres.log", options->data_dir);
	int ret = find_bin_dir(cluster, options->bin_dir, err);
	if (ret == 0)
		ret = choose_user(cluster, err);
	if (ret == 0)
		ret = prepare_log(cluster, err);
	if (ret == 0)
		ret = choose_port(cluster, options->port, err);
	if (ret == 0)
		ret = load_password(cluster, password, err);
	if (ret == 0 && access(cluster->dir, F_OK) != 0)
		ret = make_cluster(cluster, password, err);
	if (ret < 0)
		return ret;
	cluster->program = xasprintf("%s/postgres", cluster->bin_dir);
	cluster->url =
	        xasprintf("postgresql://fangs:%s@127.0.0.1:%s/fangs", password, cluster->port_text);
	cluster->admin_url = xasprintf("postgresql://fangs:%s@127.0.0.1:%s/postgres", password,
	                               cluster->port_text);
	return 0;
}

struct cluster *cluster_prepare(const struct cluster_options *options, struct error *err)
{
	struct cluster *cluster = xcalloc(1, sizeof(*cluster));
	if (prepare(cluster, options, err) == 0)
		return cluster;
	cluster_destroy(cluster);
	return NULL;
}

void cluster_destroy(struct cluster *cluster)
{
	if (!cluster)
		return;
	free(cluster->bin_dir);
	free(cluster->data_dir);
	free(cluster->dir);
	free(cluster->log_path);
	free(cluster->program);
	free(cluster->port_text);
	free(cluster->url);
	free(cluster->admin_url);
	free(cluster);
}

void cluster_supervise(struct cluster *cluster, struct supervisor *supervisor)
{
	struct child *child = supervisor_add(supervisor, "postgres", cluster->program);
	const char *const args[] = {"-D", cluster->dir,
	                            "-p", cluster->port_text,
	                            "-c", "listen_addresses=127.0.0.1",
	                            "-c", "unix_socket_directories=",
	                            "-c", "max_connections=200"};
	child_add_args(child, args, sizeof(args) / sizeof(args[0]));
	child->uid = cluster->uid;
	child->gid = cluster->gid;
	child->stop_signal = SIGINT; /* PostgreSQL's "fast shutdown" */
	child->log_path = cluster->log_path;
}

static int create_database(struct db_conn *conn, struct error *err)
{
	static const struct db_statement exists = {
	        "database_exists", "SELECT 1 FROM pg_database WHERE datname = 'fangs'"};
	AUTO(pgresult) PGresult *found = db_query(conn, &exists, NULL, 0, err);
	if (!found)
		return -err->code;
	return PQntuples(found) ? 0 : db_script(conn, "CREATE DATABASE fangs", err);
}

int cluster_ready(struct cluster *cluster, struct error *err)
{
	struct db_config config = {.url = cluster->admin_url, .pool_size = 1};
	struct db *db = db_open(&config, "fangs-up", err);
	if (!db)
		return -err->code;
	struct db_conn *conn = db_acquire(db, err);
	int ret = conn ? create_database(conn, err) : -err->code;
	db_release(conn);
	db_close(db);
	return ret;
}

const char *cluster_url(const struct cluster *cluster)
{
	return cluster->url;
}
