// SPDX-License-Identifier: Apache-2.0
/* Pieces of the statements of several resources. See list.h for what $1 to $3 are. */
#ifndef FANGS_API_SQL_H
#define FANGS_API_SQL_H

// clang-format off
#define UTC(t) "to_char(" t " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* Newest first: the condition, the order and the cursor belong together. */
#define NEWER_THAN_PAGE(time, id) \
	"(" time ", " id ") < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3, ''))"
#define NEWEST_FIRST(time, id) " ORDER BY " time " DESC, " id " DESC LIMIT $1::bigint"
#define TIME_CURSOR(time, id) UTC(time) " || '~' || " id " AS cursor"

/* By name. */
#define AFTER_PAGE(name) name " > COALESCE($3, '') AND $2::text IS NULL"
#define BY_NAME(name) " ORDER BY " name " LIMIT $1::bigint"
#define NAME_CURSOR(name) "'~' || " name " AS cursor"

#define FILTER(column, n) "($" #n "::text IS NULL OR " column " = $" #n ")"
#define FILTER_BOOL(column, n) "($" #n "::boolean IS NULL OR " column " = $" #n "::boolean)"
#define FILTER_SINCE(column, n) "($" #n "::timestamptz IS NULL OR " column " >= $" #n "::timestamptz)"
#define FILTER_UNTIL(column, n) "($" #n "::timestamptz IS NULL OR " column " < $" #n "::timestamptz)"
/* Ids are hex digits: 'g' is behind all that begin with $n. */
#define FILTER_PREFIX(column, n) \
	"($" #n "::text IS NULL OR (" column " ~>=~ $" #n " AND " column " ~<~ ($" #n " || 'g')))"

#define ALIVE "last_seen_at > now() - interval '90 seconds'"

/* 1 to 3. Old rows may have the words of earlier versions. */
#define SEVERITY_RANK(column) \
	"CASE WHEN " column " IN ('crit', 'critical', 'high') THEN 3" \
	" WHEN " column " IN ('warn', 'medium') THEN 2 ELSE 1 END"
// clang-format on

#endif
