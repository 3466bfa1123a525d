// SPDX-License-Identifier: Apache-2.0
#include "bus/bus_sql.h"
#include "bus/consume.h"
#include "metrics/metrics.h"

int dead_letter_add(struct db_conn *conn, const struct bus_message *message, const char *service,
                    const char *reason, struct error *err)
{
	const char *topic = bus_topic_base_name(message->topic);
	const struct db_param params[] = {
	        DB_TEXT(service),
	        DB_TEXT(topic),
	        DB_INT(message->partition),
	        DB_INT(message->offset),
	        DB_BYTES(message->key.data, message->key.size),
	        DB_BYTES(message->value.data, message->value.size),
	        DB_TEXT(reason),
	};
	int64_t rows = db_exec(conn, &sql_dead_letter_add, params, 7, err);
	if (rows < 0)
		return (int)rows;
	metric_add(metric_series(metric_family(METRIC_COUNTER, "fangs_dead_letters_total",
	                                       "Messages that could not be handled and were kept.",
	                                       "topic"),
	                         topic),
	           1);
	return 0;
}
