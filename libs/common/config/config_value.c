// SPDX-License-Identifier: Apache-2.0
/* From a setting's text or node to the typed field of the program's struct. */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "config/config_internal.h"

enum { SECRET_MAX_BYTES = 64 * 1024 };

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit duration_units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

enum { KIB = 1 << 10, MIB = 1 << 20, GIB = 1 << 30 };

static const struct unit size_units[] = {
        {"", 1}, {"k", KIB}, {"K", KIB}, {"m", MIB}, {"M", MIB}, {"g", GIB}, {"G", GIB},
};

static const struct unit no_units[] = {{"", 1}};

/* How numbers of one type are written; `example` completes the message about a bad one. */
struct number_form {
	const struct unit *units;
	size_t unit_count;
	const char *name, *example;
};

static struct number_form number_form_of(enum config_type type)
{
	switch (type) {
	case CONFIG_DURATION_MS:
		return (struct number_form){duration_units, CONFIG_COUNT(duration_units),
		                            "a duration", ", as in 250ms, 30s, 5m, 24h"};
	case CONFIG_SIZE:
		return (struct number_form){size_units, CONFIG_COUNT(size_units), "a size",
		                            ", as in 4096, 64k, 16M, 1G"};
	default:
		return (struct number_form){no_units, CONFIG_COUNT(no_units), "a whole number", ""};
	}
}

static bool is_digit_or_sign(char c)
{
	return (c >= '0' && c <= '9') || c == '-';
}

static bool parse_number(const struct number_form *form, struct view text, int64_t *ret)
{
	size_t digits = 0;
	int64_t number = 0;
	while (digits < text.size && is_digit_or_sign(text.data[digits]))
		digits++;
	struct view unit = view_of(text.data + digits, text.size - digits);
	if (!view_to_i64(view_of(text.data, digits), &number))
		return false;
	if (number == 0 && unit.size == 0) {
		*ret = 0; /* zero needs no unit */
		return true;
	}
	for (size_t i = 0; i < form->unit_count; i++)
		if (view_is(unit, form->units[i].name))
			return !__builtin_mul_overflow(number, form->units[i].factor, ret);
	return false;
}

/* "90s" for 90000: with the largest unit that divides it. */
static char *format_number(struct arena *arena, const struct number_form *form, int64_t number)
{
	const struct unit *best = &form->units[0];
	for (size_t i = 0; i < form->unit_count; i++)
		if (number && number % form->units[i].factor == 0)
			best = &form->units[i];
	return arena_printf(arena, "%" PRId64 "%s", number / best->factor, best->name);
}

static int apply_number(struct config *config, const struct setting *setting, int64_t *field,
                        struct error *err)
{
	const struct config_option *option = setting->option;
	struct number_form form = number_form_of(option->type);
	int64_t number = 0;
	if (setting->text && !parse_number(&form, view_of_string(setting->text), &number))
		return error_set(err, EINVAL, "%s: '%s' is not %s%s", setting->origin,
		                 setting->text, form.name, form.example);
	if ((option->min || option->max) && (number < option->min || number > option->max))
		return error_set(err, EINVAL, "%s: %s is out of range (%s to %s)", setting->origin,
		                 setting->text ? setting->text : "0",
		                 format_number(&config->arena, &form, option->min),
		                 format_number(&config->arena, &form, option->max));
	*field = number;
	return 0;
}

static bool is_one_of(struct view text, const char *choices)
{
	struct view rest = view_of_string(choices);
	while (rest.size)
		if (view_equal(view_split(&rest, '|'), text))
			return true;
	return false;
}

static int apply_bool(const struct setting *setting, bool *field, struct error *err)
{
	struct view text = view_of_string(setting->text);
	bool yes = is_one_of(text, "true|yes|on|1");
	if (text.size && !yes && !is_one_of(text, "false|no|off|0"))
		return error_set(err, EINVAL, "%s: '%s' is neither true nor false", setting->origin,
		                 setting->text);
	*field = yes;
	return 0;
}

static int apply_string(struct config *config, const struct setting *setting, char **field,
                        struct error *err)
{
	const char *text = setting->text ? setting->text : "";
	const char *choices = setting->option->choices;
	if (choices && !is_one_of(view_of_string(text), choices))
		return error_set(err, EINVAL, "%s: '%s' is none of %s", setting->origin, text,
		                 choices);
	*field = arena_strdup(&config->arena, text);
	return 0;
}

static int apply_secret(struct config *config, const struct setting *setting, char **field,
                        struct error *err)
{
	if (!setting->text || setting->text[0] != '@')
		return apply_string(config, setting, field, err);
	AUTO(buf) struct buf content;
	buf_init(&content, SECRET_MAX_BYTES);
	int rc = file_read(setting->text + 1, &content, err);
	if (rc < 0) {
		(void)error_wrap(err, "%s", setting->origin);
		return rc;
	}
	/* Editors end files with a line break that is no part of the secret. */
	*field = (char *)arena_copy(&config->arena, view_trim(buf_view(&content))).data;
	return 0;
}

static void list_add(struct config *config, struct config_list *list, struct view item)
{
	item = view_trim(item);
	if (item.size)
		list->items[list->count++] = (char *)arena_copy(&config->arena, item).data;
}

static int list_from_node(struct config *config, const struct config_node *node,
                          struct config_list *list, struct error *err)
{
	list->items = arena_alloc(&config->arena, node->count, sizeof(*list->items));
	for (size_t i = 0; i < node->count; i++) {
		const char *text = config_node_text(node->items[i]);
		if (!text)
			return config_node_error(node->items[i], err, "plain text is expected");
		list_add(config, list, view_of_string(text));
	}
	return 0;
}

static void list_from_text(struct config *config, struct view text, struct config_list *list)
{
	size_t count = 1;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == ',';
	list->items = arena_alloc(&config->arena, count, sizeof(*list->items));
	while (text.size)
		list_add(config, list, view_split(&text, ','));
}

static int apply_list(struct config *config, const struct setting *setting,
                      struct config_list *field, struct error *err)
{
	struct config_list list = {0};
	int rc = 0;
	if (setting->node && setting->node->kind == CONFIG_NODE_LIST)
		rc = list_from_node(config, setting->node, &list, err);
	else
		list_from_text(config, view_of_string(setting->text), &list);
	if (rc == 0)
		*field = list;
	return rc;
}

/* A value of the file that is no scalar fits lists (a list) and subtrees only. */
static int check_kind(const struct setting *setting, struct error *err)
{
	enum config_type type = setting->option->type;
	if (!setting->node || setting->node->kind == CONFIG_NODE_SCALAR || type == CONFIG_NODE ||
	    (type == CONFIG_LIST && setting->node->kind == CONFIG_NODE_LIST))
		return 0;
	return error_set(err, EINVAL, "%s: %s is expected", setting->origin,
	                 type == CONFIG_LIST ? "a list" : "a single value");
}

int config_apply(struct config *config, const struct setting *setting, struct error *err)
{
	void *field = (char *)setting->target + setting->option->offset;
	int rc = check_kind(setting, err);
	if (rc < 0)
		return rc;
	switch (setting->option->type) {
	case CONFIG_STRING:
		return apply_string(config, setting, field, err);
	case CONFIG_SECRET:
		return apply_secret(config, setting, field, err);
	case CONFIG_BOOL:
		return apply_bool(setting, field, err);
	case CONFIG_INT:
	case CONFIG_DURATION_MS:
	case CONFIG_SIZE:
		return apply_number(config, setting, field, err);
	case CONFIG_LIST:
		return apply_list(config, setting, field, err);
	case CONFIG_NODE:
		*(const struct config_node **)field = setting->node;
		return 0;
	}
	return 0;
}
