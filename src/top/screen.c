// SPDX-License-Identifier: GPL-2.0-only
/* The live table on a terminal. */
#include <config.h>

#include "top.h"

#include <stdio.h>

#ifdef HAVE_CURSES

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LINES 3

struct screen {
	struct top_host *host;
	const struct top_options *options;
	struct top_view view;
	struct top_rows rows;
	size_t first;			/* row on top */
	bool paused, help, quit;
};

static const char *const help_lines[] = {
	"VM, NAME    the virtual machine; CPU its vCPU, after 1",
	"EXIT        the class of exits; COUNT since the VM began",
	"RATE/s      exits a second, since the last refresh, as all that follows",
	"TIME%       share of one CPU's time from these exits to the next entries",
	"p50us p99us half, or 99 %, of them took less, in microseconds (+-6.25 %)",
	"TOP KEY     port, MSR, leaf, address ... that came most often; ~ at least",
	"",
	"s  >  <     sort by the next column, the next, the one before",
	"1           a row for each vCPU, or one for all of a VM's",
	"c           one row for all classes of exits, or one for each",
	"space       pause, and go on",
	"up down     scroll; page up, page down, home, end",
	"h  ?        this help",
	"q           quit",
};

/* ---- drawing ---- */

/* Text on a line of the screen, cut off at its right. */
static void put(int y, int attributes, const char *text)
{
	attrset((attr_t)attributes);
	move(y, 0);
	clrtoeol();
	if (attributes & (int)A_REVERSE)
		hline(' ' | A_REVERSE, COLS);
	mvaddnstr(y, 0, text, COLS);
	attrset(A_NORMAL);
}

static size_t visible(void)
{
	return LINES > HEAD_LINES + 1 ? (size_t)LINES - HEAD_LINES - 1 : 1;
}

static void scroll_to(struct screen *s, long first)
{
	long last = (long)s->rows.n - (long)visible();

	if (first > last)
		first = last;
	s->first = first < 0 ? 0 : (size_t)first;
}

static void draw_rows(const struct screen *s)
{
	char line[TOP_LINE];
	size_t i;

	top_line_head(line, &s->view);
	put(HEAD_LINES - 1, A_REVERSE, line);
	for (i = s->first; i < s->rows.n && i < s->first + visible(); i++) {
		top_line_row(line, &s->view, &s->rows.row[i]);
		put(HEAD_LINES + (int)(i - s->first), s->rows.row[i].vm->ended ? A_DIM : A_NORMAL,
		    line);
	}
}

static void draw_help(void)
{
	size_t i;

	put(HEAD_LINES - 1, A_REVERSE, "HELP, any key ends it");
	for (i = 0; i < sizeof(help_lines) / sizeof(help_lines[0]); i++)
		put(HEAD_LINES + (int)i, A_NORMAL, help_lines[i]);
}

static void draw(struct screen *s)
{
	char line[TOP_LINE + 64], sum[TOP_LINE];

	erase();
	top_line_sum(sum, s->host, &s->rows);
	snprintf(line, sizeof(line), "vmmtrace top: %s", sum);
	put(0, A_BOLD, line);
	snprintf(line, sizeof(line), "every %.3g s, sorted by %s%s%s",
		 (double)s->options->delay.tv_sec + (double)s->options->delay.tv_nsec / 1e9,
		 top_sort_names[s->view.sort], s->view.fold ? ", all classes together" : "",
		 s->paused ? ", PAUSED" : "");
	put(1, A_NORMAL, line);
	if (s->help)
		draw_help();
	else
		draw_rows(s);
	put(LINES - 1, A_DIM, "q quit  h help  s sort  1 vCPUs  c classes  space pause");
	refresh();
}

/* ---- keys ---- */

static void sort_next(struct screen *s, int step)
{
	s->view.sort = (enum top_sort)(((int)s->view.sort + TOP_NSORT + step) % TOP_NSORT);
	s->first = 0;
}

static void on_scroll(struct screen *s, int key)
{
	long first = (long)s->first, page = (long)visible();

	switch (key) {
	case KEY_UP:
		scroll_to(s, first - 1);
		break;
	case KEY_DOWN:
		scroll_to(s, first + 1);
		break;
	case KEY_PPAGE:
		scroll_to(s, first - page);
		break;
	case KEY_NPAGE:
		scroll_to(s, first + page);
		break;
	case KEY_HOME:
		scroll_to(s, 0);
		break;
	case KEY_END:
		scroll_to(s, (long)s->rows.n);
		break;
	}
}

static void on_key(struct screen *s, int key)
{
	if (s->help && key != KEY_RESIZE) {
		s->help = false;
		return;
	}
	switch (key) {
	case 'q':
		s->quit = true;
		break;
	case 'h':
	case '?':
		s->help = true;
		break;
	case 's':
	case '>':
		sort_next(s, 1);
		break;
	case '<':
		sort_next(s, -1);
		break;
	case '1':
		s->view.split = !s->view.split;
		break;
	case 'c':
		s->view.fold = !s->view.fold;
		break;
	case ' ':
		s->paused = !s->paused;
		break;
	default:
		on_scroll(s, key);
	}
}

/* ---- the loop ---- */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Until a key comes, the time is over, or somebody wants an end. A terminal
 * that is gone is one. */
static void wait_for_key(struct screen *s, int64_t until)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left = until - now_ns();
	struct timespec ts = { .tv_sec = left > 0 ? left / 1000000000 : 0,
			       .tv_nsec = left > 0 ? left % 1000000000 : 0 };
	int key;

	if (top_stop)
		return;
	ppoll(&in, 1, &ts, &top_while_waiting);
	while ((key = getch()) != ERR)
		on_key(s, key);
	if (in.revents & (POLLHUP | POLLERR | POLLNVAL))
		s->quit = true;
}

static int show(struct screen *s)
{
	int64_t delay = (int64_t)s->options->delay.tv_sec * 1000000000 + s->options->delay.tv_nsec;
	int64_t next = now_ns();
	unsigned long done = 0;
	int err = 0;

	while (!err && !s->quit && !top_stop) {
		if (now_ns() >= next) {
			if (s->options->times && done++ > s->options->times)
				break;
			if (!s->paused)
				err = top_host_refresh(s->host);
			next = now_ns() + delay;
		}
		if (!err)
			err = top_rows_make(&s->rows, s->host, &s->view,
					    top_key_room(&s->view, COLS));
		if (err)
			break;
		scroll_to(s, (long)s->first);
		draw(s);
		wait_for_key(s, next);
	}
	return err;
}

int top_screen(struct top_host *host, const struct top_options *options)
{
	struct screen s = { .host = host, .options = options, .view = options->view };
	const char *term = getenv("TERM");
	SCREEN *screen;
	int err;

	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		fprintf(stderr, "vmmtrace top: TERM=%s: not a terminal that is known here: set TERM, or use --batch\n",
			term ? term : "");
		return 1;
	}
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	err = show(&s);
	endwin();
	delscreen(screen);
	free(s.rows.row);
	return err ? top_fail(err, "the statistics") : 0;
}

#else

int top_screen(struct top_host *host, const struct top_options *options)
{
	fputs("vmmtrace top: built without ncurses: use --batch or --json\n", stderr);
	return 1;
}

#endif
