// SPDX-License-Identifier: Apache-2.0
/*
 * fangs token create|list|revoke: whom the gateway answers. With --db-url on the database itself,
 * as the first token of an installation has to be; otherwise through the gateway.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "db/migrate.h"
#include "gateway.h"
#include "model/access_token.h"
#include "output.h"
#include "json/json_writer.h"

enum { BODY_MAX_BYTES = 4096, LIST_MAX_BYTES = 16 << 20, DAY_S = 24 * 3600, DAYS_MAX = 36500 };

enum { OPT_NAME, OPT_ROLE, OPT_RUNNER, OPT_DAYS, OPT_DB_URL };
static const struct command_option create_options[] = {
        [OPT_NAME] = {"name", "NAME", "of whoever gets it (default: the runner id)"},
        [OPT_ROLE] = {"role", "ROLE", "viewer, operator or runner"},
        [OPT_RUNNER] = {"runner", "ID", "role runner: for whom it speaks (default: the name)"},
        [OPT_DAYS] = {"days", "N", "valid so long (default: until it is revoked)"},
        [OPT_DB_URL] = {"db-url", "URL", "make it in this database, without the gateway"},
};
static const struct command_option other_options[] = {
        {"db-url", "URL", "in this database, without the gateway"},
};
enum { OTHER_DB_URL };

/* One connection, from db_open() to the end of the command. */
struct database {
	struct db *db;
	struct db_conn *conn;
};

static void disconnect(struct database *database)
{
	db_release(database->conn);
	db_close(database->db);
}

static int connect_database(const char *url, struct database *ret, struct error *err)
{
	AUTO(free) char *copy = view_dup(view_of_string(url));
	/* One for the migrations, one for the command. */
	const struct db_config config = {.url = copy, .pool_size = 2};

	*ret = (struct database){.db = db_open(&config, "fangs token", err)};
	if (!ret->db)
		return EXIT_CODE_USAGE;
	ret->conn = db_acquire(ret->db, err);
	if (ret->conn)
		return EXIT_CODE_OK;
	db_close(ret->db);
	return EXIT_CODE_UNREACHABLE;
}

static int read_wanted(const struct command_args *args, struct access_token *ret, struct error *err)
{
	const char *role = args->values[OPT_ROLE];
	const char *runner = args->values[OPT_RUNNER];
	const char *name = args->values[OPT_NAME] ? args->values[OPT_NAME] : runner;
	int64_t days = 0;

	if (!role || !name)
		return error_set(err, EINVAL, "token create: --role and --name are required");
	ret->name = name;
	ret->runner_id = runner ? runner : "";
	if (!access_role_parse(role, &ret->role))
		return error_set(err, EINVAL, "--role takes viewer, operator or runner, not '%s'",
		                 role);
	if (args->values[OPT_DAYS] &&
	    (!view_to_i64(view_of_string(args->values[OPT_DAYS]), &days) || days < 1 ||
	     days > DAYS_MAX))
		return error_set(err, EINVAL, "--days takes a number from 1 to %d, not '%s'",
		                 DAYS_MAX, args->values[OPT_DAYS]);
	ret->expires_in_s = days * DAY_S;
	return 0;
}

static void write_made(struct buf *out, const struct access_token *token,
                       const struct access_token_made *made)
{
	struct json_writer w = json_writer_on(out);

	json_object(&w);
	json_member_string(&w, "id", made->id);
	json_member_string(&w, "name", token->name);
	json_member_string(&w, "role", access_role_name(token->role));
	json_member_string(&w, "runner_id", made->runner_id);
	json_member_string(&w, "token", made->text);
	json_end_object(&w);
}

static int create_in_database(const char *url, const struct access_token *token, struct json **ret,
                              struct error *err)
{
	struct access_token_made made = {0};
	struct database database;
	AUTO(buf) struct buf document;

	buf_init(&document, BODY_MAX_BYTES);
	int code = connect_database(url, &database, err);
	if (code != EXIT_CODE_OK)
		return code;
	/* Nothing may have been started yet. */
	int rc = migrate(database.db, err);
	if (rc == 0)
		rc = access_token_create(database.conn, token, &made, err);
	disconnect(&database);
	if (rc < 0)
		return EXIT_CODE_FAILED;
	write_made(&document, token, &made);
	*ret = json_parse(buf_view(&document), true, err);
	return *ret ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

static int create_by_gateway(const struct cli *cli, const struct access_token *token,
                             struct json **ret, struct error *err)
{
	AUTO(buf) struct buf body;

	buf_init(&body, BODY_MAX_BYTES);
	struct json_writer w = json_writer_on(&body);
	json_object(&w);
	json_member_string(&w, "name", token->name);
	json_member_string(&w, "role", access_role_name(token->role));
	if (*token->runner_id)
		json_member_string(&w, "runner_id", token->runner_id);
	if (token->expires_in_s)
		json_member_int(&w, "expires_in_s", token->expires_in_s);
	json_end_object(&w);
	return gateway_call(cli, "POST", "/v1/tokens", &body, ret, err);
}

static int token_create(const struct cli *cli, const struct command_args *args, struct error *err)
{
	const char *db_url = args->values[OPT_DB_URL];
	const char *user = getenv("USER");
	struct access_token token = {.name = "", .runner_id = "", .created_by = ""};
	AUTO(json) struct json *made = NULL;

	if (read_wanted(args, &token, err) < 0)
		return EXIT_CODE_USAGE;
	token.created_by = user ? user : "";
	int code = db_url ? create_in_database(db_url, &token, &made, err)
	                  : create_by_gateway(cli, &token, &made, err);
	if (code != EXIT_CODE_OK)
		return code;
	if (cli->output == OUTPUT_JSON) {
		output_json(made);
		return EXIT_CODE_OK;
	}
	/* The token alone on standard output, for a file. */
	printf("%s\n", json_string(json_get(made, "token"), ""));
	fprintf(stderr, "token %s of %s (%s); it is not shown again\n",
	        json_string(json_get(made, "id"), ""), token.name, access_role_name(token.role));
	return EXIT_CODE_OK;
}

const struct command command_token_create = {
        .noun = "token",
        .verb = "create",
        .operands = "",
        .summary = "Make a bearer token; it is printed once",
        .options = create_options,
        .option_count = sizeof(create_options) / sizeof(create_options[0]),
        .run = token_create,
};

static int list_in_database(const char *url, struct json **ret, struct error *err)
{
	struct database database;
	AUTO(buf) struct buf document;

	buf_init(&document, LIST_MAX_BYTES);
	int code = connect_database(url, &database, err);
	if (code != EXIT_CODE_OK)
		return code;
	int rc = access_token_list(database.conn, &document, err);
	disconnect(&database);
	if (rc < 0)
		return EXIT_CODE_FAILED;
	*ret = json_parse(buf_view(&document), true, err);
	return *ret ? EXIT_CODE_OK : EXIT_CODE_FAILED;
}

static int token_list(const struct cli *cli, const struct command_args *args, struct error *err)
{
	static const struct field fields[] = {
	        {{"ID", 0}, "id", FIELD_TEXT},
	        {{"NAME", 32}, "name", FIELD_TEXT},
	        {{"ROLE", 0}, "role", FIELD_TEXT},
	        {{"RUNNER", 32}, "runner_id", FIELD_TEXT},
	        {{"STATE", 0}, "state", FIELD_TEXT},
	        {{"CREATED", 0}, "created_at", FIELD_TIME},
	        {{"EXPIRES", 0}, "expires_at", FIELD_TIME},
	        {{"USED", 0}, "last_used_at", FIELD_TIME},
	};
	const char *db_url = args->values[OTHER_DB_URL];
	AUTO(json) struct json *list = NULL;
	int code = db_url ? list_in_database(db_url, &list, err)
	                  : gateway_get(cli, "/v1/tokens", NULL, &list, err);

	if (code == EXIT_CODE_OK)
		output_list(cli, list, fields, FIELD_COUNT(fields));
	return code;
}

const struct command command_token_list = {
        .noun = "token",
        .verb = "list",
        .operands = "",
        .summary = "Show the tokens: whose, for what, when last used",
        .options = other_options,
        .option_count = sizeof(other_options) / sizeof(other_options[0]),
        .run = token_list,
};

static int revoke_in_database(const char *url, const char *token, struct error *err)
{
	struct database database;
	int code = connect_database(url, &database, err);

	if (code != EXIT_CODE_OK)
		return code;
	int rc = access_token_revoke(database.conn, token, err);
	disconnect(&database);
	if (rc == 0)
		error_set(err, ENOENT, "token not found");
	if (rc > 0)
		return EXIT_CODE_OK;
	return rc == 0 ? EXIT_CODE_NOT_FOUND : EXIT_CODE_FAILED;
}

static int token_revoke(const struct cli *cli, const struct command_args *args, struct error *err)
{
	const char *db_url = args->values[OTHER_DB_URL];
	const char *token = args->positional[0];
	AUTO(free) char *path = gateway_path("/v1/tokens/", token, "");
	AUTO(json) struct json *answer = NULL;
	int code = db_url ? revoke_in_database(db_url, token, err)
	                  : gateway_call(cli, "DELETE", path, NULL, &answer, err);

	if (code == EXIT_CODE_OK)
		printf("%s is revoked; gateways forget it within 5 seconds\n", token);
	return code;
}

const struct command command_token_revoke = {
        .noun = "token",
        .verb = "revoke",
        .operands = "<id or name>",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "End a token",
        .options = other_options,
        .option_count = sizeof(other_options) / sizeof(other_options[0]),
        .run = token_revoke,
};
