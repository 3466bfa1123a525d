// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/* What Go writes for a time that was never set. */
static const char zero_time[] = "0001-01-01T00:00:00Z";

static clock_source_fn source;

void clock_set_source(clock_source_fn replacement)
{
	source = replacement;
}

static int64_t read_clock(clockid_t id)
{
	if (source)
		return source(id == CLOCK_REALTIME);
	struct timespec now;
	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
	return clock_monotonic_ns() / NS_PER_MS;
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

void clock_format_rfc3339(int64_t wall_ns, char *text, size_t size)
{
	if (wall_ns == INT64_MIN) {
		(void)snprintf(text, size, "%s", zero_time);
		return;
	}
	int64_t seconds = wall_ns / NS_PER_S;
	int64_t fraction = wall_ns % NS_PER_S;
	if (fraction < 0) {
		fraction += NS_PER_S;
		seconds--;
	}
	struct tm tm;
	time_t when = (time_t)seconds;
	(void)gmtime_r(&when, &tm);
	size_t used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction) {
		used += (size_t)snprintf(text + used, size - used, ".%09lld", (long long)fraction);
		while (text[used - 1] == '0')
			used--;
	}
	(void)snprintf(text + used, size - used, "Z");
}

/* A cursor over the text being parsed; `ok` turns false at the first mismatch. */
struct scan {
	const char *at, *end;
	bool ok;
};

static int scan_digits(struct scan *scan, int count)
{
	int number = 0;
	for (int i = 0; i < count; i++) {
		if (scan->at >= scan->end || *scan->at < '0' || *scan->at > '9') {
			scan->ok = false;
			return 0;
		}
		number = number * 10 + (*scan->at++ - '0');
	}
	return number;
}

static bool scan_char(struct scan *scan, const char *accepted)
{
	if (scan->at < scan->end && strchr(accepted, *scan->at)) {
		scan->at++;
		return true;
	}
	return false;
}

static void scan_expect(struct scan *scan, const char *accepted)
{
	if (!scan_char(scan, accepted))
		scan->ok = false;
}

static int64_t scan_fraction(struct scan *scan)
{
	int64_t fraction = 0;
	int64_t unit = NS_PER_S / 10;
	if (!scan_char(scan, "."))
		return 0;
	const char *first = scan->at;
	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9') {
		fraction += (*scan->at++ - '0') * unit;
		unit /= 10;
	}
	if (scan->at == first || scan->at - first > 9)
		scan->ok = false;
	return fraction;
}

static int64_t scan_offset_seconds(struct scan *scan)
{
	if (scan_char(scan, "Zz"))
		return 0;
	int sign = scan_char(scan, "-") ? -1 : 1;
	if (sign == 1)
		scan_expect(scan, "+");
	int hours = scan_digits(scan, 2);
	scan_expect(scan, ":");
	int minutes = scan_digits(scan, 2);
	if (hours > 23 || minutes > 59)
		scan->ok = false;
	return (int64_t)sign * (hours * 3600 + minutes * 60);
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month] + (month == 1 && leap);
}

static bool is_in_range(const struct tm *tm, int year)
{
	return year >= 1678 && year <= 2261 && tm->tm_mon >= 0 && tm->tm_mon <= 11 &&
	       tm->tm_mday >= 1 && tm->tm_mday <= days_in_month(year, tm->tm_mon) &&
	       tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60; /* leap second */
}

bool clock_parse_rfc3339(struct view text, int64_t *ret_wall_ns)
{
	if (view_is(text, zero_time)) {
		*ret_wall_ns = INT64_MIN;
		return true;
	}
	struct scan scan = {text.data, text.data, true};
	struct tm tm = {0};
	if (text.size)
		scan.end += text.size;
	int year = scan_digits(&scan, 4);
	scan_expect(&scan, "-");
	tm.tm_mon = scan_digits(&scan, 2) - 1;
	scan_expect(&scan, "-");
	tm.tm_mday = scan_digits(&scan, 2);
	scan_expect(&scan, "Tt");
	tm.tm_hour = scan_digits(&scan, 2);
	scan_expect(&scan, ":");
	tm.tm_min = scan_digits(&scan, 2);
	scan_expect(&scan, ":");
	tm.tm_sec = scan_digits(&scan, 2);
	int64_t fraction = scan_fraction(&scan);
	int64_t offset = scan_offset_seconds(&scan);
	if (!scan.ok || scan.at != scan.end || !is_in_range(&tm, year))
		return false;
	tm.tm_year = year - 1900;
	*ret_wall_ns = ((int64_t)timegm(&tm) - offset) * NS_PER_S + fraction;
	return true;
}
