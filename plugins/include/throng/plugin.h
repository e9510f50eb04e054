/* The Throng plugin contract, version 1: the whole of it, and its author's document.
 *
 * A plugin is a shared library that exports one function, throng_plugin_v1(), which returns a
 * static table of components. A component plays one role: a behaviour fills columns of a batch of
 * interactions, a format turns rows into records, a sink delivers records. `sdk.hpp` is the same
 * contract in C++, `hash.h` its randomness for C; README.md walks through it.
 *
 * Rules that hold for everything below
 *   growth   A struct that may grow begins with `struct_size`, set by whoever fills it to its
 *            sizeof, and grows at its end only. Arrays of growing structs are arrays of pointers.
 *            Structs without struct_size are values, frozen within this major version. A higher
 *            minor version only adds; a member that says "since 1.n" (none does yet) is read after
 *            THRONG_HAS only. A component of an unknown role or revision is left out, alone.
 *   memory   Everything is borrowed: arguments for the call, results until the next call of the
 *            same instance, but host, options, world, kinds and schema for an instance's life, and
 *            the plugin's table for the library's. Nobody frees what the other allocated.
 *   errors   A function that can fail returns a throng_code; other than THRONG_OK it may fill the
 *            caller's throng_error. Nothing may be thrown or longjmp'ed across the boundary.
 *   threads  [load]  by one thread while the library is loaded; does no I/O.
 *            [task]  by any thread, but one instance is never entered by two threads at once.
 *            [any]   by any thread at any time. Threads that an instance starts end before it
 *            does, and call only what is [any]. A plugin changes no process-wide state (locale,
 *            signals, environment, working folder), and needs no host symbol: -z defs.
 *   life     create -> calls -> destroy. After UNAVAILABLE or RESOURCE_EXHAUSTED the same call
 *            may come again; after ABORTED a sink meets the rewound walk; after any other failure
 *            only destroy follows. create sets *self, not to NULL; one that fails leaves nothing.
 *   text     UTF-8. `const char*` is NUL-terminated; throng_bytes is not. Names, labels and id
 *            prefixes hold no comma, quote, newline or other control character.
 *   build    C11 or C++20, with nothing but the standard integer types.
 */
#ifndef THRONG_PLUGIN_H_
#define THRONG_PLUGIN_H_

#include <stddef.h>
#include <stdint.h>

#define THRONG_ABI_MAJOR 1
#define THRONG_ABI_MINOR 0 /* a candidate until release 1.0 */
/* Whether whoever filled *p knew of the member. */
#define THRONG_HAS(p, member) \
  (offsetof(__typeof__(*(p)), member) + sizeof((p)->member) <= (p)->struct_size)

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Values and errors ---------------------------------------------------------------------- */
typedef int32_t throng_code; /* google.rpc.Code, as far as it means something here */
enum {
  THRONG_OK = 0,
  THRONG_CANCELLED = 1,
  THRONG_INVALID_ARGUMENT = 3,
  THRONG_NOT_FOUND = 5,
  THRONG_ALREADY_EXISTS = 6,
  THRONG_PERMISSION_DENIED = 7,
  THRONG_RESOURCE_EXHAUSTED = 8,  /* full (a disk, a queue): offer the same call again later */
  THRONG_FAILED_PRECONDITION = 9, /* lost its place: fenced, replaced, not what it was */
  THRONG_ABORTED = 10, /* sinks: all since the last commit is gone; walk again from there */
  THRONG_OUT_OF_RANGE = 11,
  THRONG_UNIMPLEMENTED = 12,
  THRONG_INTERNAL = 13,
  THRONG_UNAVAILABLE = 14, /* cannot be reached now: offer the same call again later */
  THRONG_DATA_LOSS = 15,
  THRONG_UNAUTHENTICATED = 16
};

/* The caller's; the callee fills and truncates. A sentence: what, and what to do. */
typedef struct throng_error {
  uint32_t struct_size;
  char option[64]; /* the option at fault, or empty */
  char message[1024];
} throng_error;
typedef struct throng_bytes {
  const char* data;
  size_t size;
} throng_bytes;

typedef struct throng_host { /* what the host offers to an instance */
  uint32_t struct_size;
  const void* self;
  /* [any] One sentence, no newline. A warning given inside create is part of the plan. */
  void (*log)(const void* self, int32_t level, const char* message);
  /* [any] Not 0 once the host wants to stop: a call that waits returns THRONG_CANCELLED soon. */
  int32_t (*is_cancelled)(const void* self);
  /* [any] "metrics/1" of metrics.h, or a third party's "org.example.cache/1"; NULL: not here. */
  const void* (*get_extension)(const void* self, const char* name);
} throng_host;
enum { THRONG_LOG_DEBUG = 0, THRONG_LOG_INFO = 1, THRONG_LOG_WARNING = 2, THRONG_LOG_ERROR = 3 };

/* ---- Options -------------------------------------------------------------------------------- */
enum {
  THRONG_OPTION_BOOL = 1,      /* true | false          -> integer 1 or 0 */
  THRONG_OPTION_INT64 = 2,     /* 12                    -> integer */
  THRONG_OPTION_FLOAT64 = 3,   /* 0.5, finite           -> real */
  THRONG_OPTION_STRING = 4,    /* any text              -> text */
  THRONG_OPTION_TIMESTAMP = 5, /* 2024-01-01T00:00:00Z, now, now-7d -> integer, ms since 1970 UTC */
  THRONG_OPTION_DURATION = 6,  /* 250ms, 30s, 5m, 12h, 30d -> integer, ms */
  THRONG_OPTION_SIZE = 7,      /* 4096, 64KiB, 1MB      -> integer, bytes */
  THRONG_OPTION_ENUM = 8,      /* one of choices        -> integer, its index */
  THRONG_OPTION_LIST = 9,      /* [0.1, 0.9] or 0.1,0.9, all finite -> list, count */
  THRONG_OPTION_MAP = 10 /* a prefix ("client."): any key below it, as text -> keys, texts, count */
};
enum {
  THRONG_OPTION_REQUIRED = 1, /* no default; its absence is an error */
  THRONG_OPTION_SECRET = 2, /* given as env:NAME or file:/path, never returned or logged; no MAP */
  THRONG_OPTION_IDENTITY = 4, /* decides what is written or where; of behaviours each does */
  THRONG_OPTION_PATH = 8      /* is written to: within roots; {part}, {slice} are replaced before */
};

/* The host parses, fills defaults, checks ranges, and rejects unknown keys with a suggestion. */
typedef struct throng_option {
  uint32_t struct_size;
  uint32_t type;
  uint32_t flags;
  const char* name;         /* snake_case; a MAP's name ends with '.' */
  const char* doc;          /* one sentence, with the unit where there is one */
  const char* default_text; /* as a user would write it; NULL: required, or unset */
  const char* minimum;      /* inclusive, as text; NULL: none. Numbers, times and sizes only */
  const char* maximum;
  const char* const* choices; /* ENUM: NULL-terminated */
} throng_option;
/* A parsed option; which members hold it follows from the type. */
typedef struct throng_value {
  int32_t is_set;   /* 1: given in the spec or by default_text; 0: neither */
  int32_t is_given; /* 1: given in the spec */
  int64_t integer;
  double real;
  throng_bytes text; /* also NUL-terminated */
  const double* list;
  const char* const* keys; /* MAP: the part after the prefix */
  const char* const* texts;
  size_t count;
} throng_value;

/* ---- Plugin and components ------------------------------------------------------------------ */
/* Roles, each with a revision of its own. */
#define THRONG_ROLE_ACTIVITY "activity/1" /* who:  fills user, user_row(s), run_row(s) */
#define THRONG_ROLE_CLOCK "clock/1"       /* when: fills time */
#define THRONG_ROLE_CHOICE "choice/1"     /* what: fills item, and kind, kind_row if it has kinds */
#define THRONG_ROLE_RATING "rating/1"     /* how much they liked it: fills rating */
#define THRONG_ROLE_FORMAT "format/1"
#define THRONG_ROLE_SINK "sink/1"

typedef struct throng_component {
  uint32_t struct_size;
  const char* role;
  const char* name;                    /* snake_case, unique within its role */
  const char* doc;                     /* one sentence */
  const throng_option* const* options; /* NULL-terminated; values come in this order */
  /* [any] Rules that span options; no I/O. May be NULL. */
  throng_code (*validate)(const throng_value* options, throng_error* error);
  const void* functions; /* throng_behaviour, throng_format or throng_sink, by role */
} throng_component;
typedef struct throng_plugin {
  uint32_t struct_size;
  uint32_t abi_minor;  /* THRONG_ABI_MINOR it was built with */
  uint32_t host_minor; /* the least of a host that it works with; an older one refuses it */
  const char* name;
  const char* version; /* of the plugin, as 1.2.3 */
  const char* doc;
  const throng_component* const* components; /* NULL-terminated */
} throng_plugin;

/* ---- The world ------------------------------------------------------------------------------ */
typedef struct throng_cluster {
  uint32_t struct_size;
  int32_t prefers; /* index of a category, or -1 */
  const char* name;
  int64_t users;
  int64_t active; /* of these users */
} throng_cluster;
typedef struct throng_category {
  uint32_t struct_size;
  const char* name;
  int64_t popular; /* items by tier; within a category, ordered by popularity, in this order */
  int64_t tail;
  int64_t untouched;
} throng_category;

/* The people and the shop, the same for every behaviour. Users go by activity rank, items by
 * popularity rank, both from 0; their numbers (an id's digits, less one) permute the ranks, so that
 * an id says nothing. Functions are pure and [any]; arrays have n elements, indexes in range. */
typedef struct throng_world {
  uint32_t struct_size;
  uint32_t clusters_count;
  uint32_t categories_count;
  int64_t users;
  int64_t active_users; /* ranks below it are active */
  int64_t items;
  int64_t popular_items; /* ranks below it are popular */
  int64_t touched_items; /* ranks below it may be chosen */
  const throng_cluster* const* clusters;
  const throng_category* const* categories;
  const void* self;
  void (*user_number)(const void* self, const int64_t* rank, int64_t* number, size_t n);
  void (*user_rank)(const void* self, const int64_t* number, int64_t* rank, size_t n);
  void (*user_cluster)(const void* self, const int64_t* rank, int32_t* cluster, size_t n);
  void (*item_number)(const void* self, const int64_t* rank, int64_t* number, size_t n);
  void (*item_rank)(const void* self, const int64_t* number, int64_t* rank, size_t n);
  void (*item_category)(const void* self, const int64_t* rank, int32_t* category, size_t n);
  /* The item that is index-th most popular of its category. */
  void (*category_item)(const void* self, const int32_t* category, const int64_t* index,
                        int64_t* rank, size_t n);
  /* And back; and how many users of its cluster are more active. */
  void (*item_index)(const void* self, const int64_t* rank, int64_t* index, size_t n);
  void (*user_member)(const void* self, const int64_t* rank, int64_t* member, size_t n);
} throng_world;

/* ---- Columns -------------------------------------------------------------------------------- */
enum { THRONG_TABLE_INTERACTIONS = 1, THRONG_TABLE_USERS = 2, THRONG_TABLE_ITEMS = 3 };
/* Logical types, each with what an array holds and the value that stands for an absent one. */
enum {
  THRONG_COLUMN_ID = 1,        /* int64_t number; text by id_style; -1 */
  THRONG_COLUMN_INT64 = 2,     /* int64_t; INT64_MIN */
  THRONG_COLUMN_RATING = 3,    /* int32_t hundredths; text has one decimal, two if needed; -1 */
  THRONG_COLUMN_TIMESTAMP = 4, /* int64_t ms since 1970 UTC; text has seconds; INT64_MIN */
  THRONG_COLUMN_LABEL = 5,     /* int32_t index of labels; -1 */
  THRONG_COLUMN_BOOL = 6,      /* uint8_t; 2 */
  THRONG_COLUMN_FLOAT64 = 7    /* double; NaN */
};
enum {
  THRONG_COLUMN_EXTRA = 1,   /* not one of the table's own: optional in typed formats */
  THRONG_COLUMN_NULLABLE = 2 /* values may be absent; without it none is */
};
enum {
  THRONG_ID_TEXT = 0,    /* prefix + (number + id_first) */
  THRONG_ID_INTEGER = 1, /* number + id_first, a number in every typed format */
  THRONG_ID_UUID = 2     /* RFC 9562's version 8: throng_hash(id_key, number), then with ~id_key */
};
typedef struct throng_column {
  uint32_t struct_size;
  uint32_t type;
  uint32_t flags;
  uint32_t labels_count;
  uint32_t id_style;
  const char* name;
  const char* doc;
  const char* prefix;        /* ID */
  const char* const* labels; /* LABEL */
  int64_t id_first;          /* ID: what the number 0 is shown as */
  uint64_t id_key;           /* ID */
  uint32_t field_number;     /* formats: in Protobuf; its own for ever, whatever it is named here */
  int64_t id_count;          /* ID: how many numbers there are, from 0 on; 0: it is not known */
} throng_column;

/* ---- Behaviours: activity, clock, choice, rating -------------------------------------------- */
/* A reason for a choice ("preferred"); every epoch has the same number of rows of it. */
typedef struct throng_kind {
  uint32_t struct_size;
  const char* name;
  int64_t rows; /* an epoch */
} throng_kind;

/* What a behaviour is made for. Row i of the dataset lies in epoch i / plan_size. */
typedef struct throng_dataset {
  uint32_t struct_size;
  uint32_t kinds_count; /* ratings only: the choice's kinds, or one over all rows */
  const throng_kind* const* kinds;
  uint64_t key;       /* of this role: its randomness is a function of (key, epoch, row, draw) */
  uint64_t world_key; /* the same for every role: of what they must agree about (a user's taste) */
  int64_t plan_size;  /* N: rows of an epoch, at least 1 */
  const throng_world* world;
  int64_t from_row;  /* the first row that it fills; 0 unless it replaces another on a live run */
  int64_t from_time; /* no row's time is before it; INT64_MIN likewise */
} throng_dataset;

/* Rows as columns of `rows` elements: of one segment, and one whole block where a behaviour wishes
 * for blocks. Each behaviour reads the columns before its own and fills all of its own. The host
 * fills the others: the order, and then sessions, which are where a piece of the order and a run of
 * the activity overlap. If the clock sorts, it puts the rows in order of time, equal ones as is. */
typedef struct throng_batch {
  uint32_t struct_size;
  uint32_t rows;
  int64_t first_row; /* of the dataset: where the first row is, or will be once sorted */
  int64_t epoch;
  int64_t epoch_row; /* first_row - epoch * plan_size */
  int64_t segment;   /* of the epoch, from 0 */
  int64_t segments_count;
  const int64_t* segments; /* each one's first row in the epoch, and then the epoch's end */
  int64_t* place;      /* order: a permutation of the epoch's rows, each segment's onto itself */
  int64_t* piece_row;  /* order: how many rows of the same piece have the places before it */
  int64_t* piece_rows; /* order: how many the piece has; 1 where rows are shuffled */
  int64_t* user;       /* activity: activity rank in [0, active_users) */
  int64_t* user_row;   /* activity: each of [0, user_rows) once an epoch, in any order of time */
  int64_t* user_rows;  /* activity: that user's rows an epoch */
  int64_t* run_row;    /* activity: like piece_row, of this user's places in this segment; else 0 */
  int64_t* run_rows;   /* activity: how many those are; 1 if it does not know */
  int64_t* session;    /* host: the least place of the session; of one user, unique in the epoch */
  int64_t* session_row;  /* host: place - session */
  int64_t* session_rows; /* host: how many rows it has */
  int64_t* time;         /* clock: ms since 1970 UTC, non-decreasing with the row once sorted */
  int64_t* item;         /* choice: popularity rank in [0, touched_items) */
  uint8_t* kind;         /* choice: index of a kind; host sets 0 */
  int64_t* kind_row;  /* choice: ordinal within the epoch's rows of that kind; host copies place */
  int32_t* rating;    /* rating: hundredths of a star, 450 is 4.5, from 0; -1: none */
  void* const* extra; /* the behaviour's own further columns, in its order; NULL: not asked for */
} throng_batch;
/* The truth about n pairs of user and item, each at a row. */
typedef struct throng_pairs {
  uint32_t struct_size;
  uint32_t n;
  const int64_t* row; /* of the dataset */
  const int64_t* user;
  const int64_t* item;
  double* probability; /* choice: that this user's row is of this item */
  double* kind_share;  /* choice: n times kinds, each pair's sum to 1: why it is, if it is */
  double* stars;       /* rating: expected, given kind_share */
} throng_pairs;

/* All [task]. A pure function of (dataset, options, row): the same bytes for any batch, in any
 * order and process. State may live inside a block, never across. After `fill` all may be NULL. */
typedef struct throng_behaviour {
  uint32_t struct_size;
  /* Everything that costs time: real-valued work is rounded into integer tables here. */
  throng_code (*create)(const throng_host* host, const throng_dataset* dataset,
                        const throng_value* options, void** self, throng_error* error);
  void (*destroy)(void* self);
  throng_code (*fill)(void* self, const throng_batch* batch, throng_error* error);
  /* Choices: the reasons, at most 256. NULL: there is one, over all rows. */
  throng_code (*kinds)(void* self, const throng_kind* const** kinds, uint32_t* count,
                       throng_error* error);
  /* A wish for blocks of so many rows, 128 to 65 408. The host takes the largest of all, B, and
   * cuts each segment into equal blocks of at most B + 127 rows. NULL or 0: any rows. */
  uint32_t (*block_rows)(void* self);
  /* Hands each planned table to `visit`, for the dataset's fingerprint. */
  void (*tables)(void* self, void* context,
                 void (*visit)(void* context, const void* table, size_t bytes));
  /* Activities: the segments of an epoch, in which other people come and go: the first row of each,
   * from 0, not falling; 1 to 256 of them, as many in every epoch. NULL: one. */
  throng_code (*segments)(void* self, int64_t epoch, const int64_t** first_rows, uint32_t* count,
                          throng_error* error);
  /* Clocks that wish for blocks: whether the host shall sort them by time. */
  int32_t (*sorts)(void* self);
  /* Ratings: whether some rows get none, -1. */
  int32_t (*leaves_out)(void* self);
  /* Further columns that it has of a table, at most 32. `fill` gives those of interactions, `side`
   * those of n users or items, both into arrays of which NULL is not asked for. */
  throng_code (*columns)(void* self, uint32_t table, const throng_column* const** columns,
                         uint32_t* count, throng_error* error);
  throng_code (*side)(void* self, uint32_t table, const int64_t* rank, size_t n, void* const* extra,
                      throng_error* error);
  /* Choices and ratings that know the truth; `learn` gets the plan's first rows before it. */
  throng_code (*learn)(void* self, const throng_batch* batch, throng_error* error);
  throng_code (*score)(void* self, const throng_pairs* pairs, throng_error* error);
} throng_behaviour;

/* ---- Formats -------------------------------------------------------------------------------- */
typedef struct throng_schema {
  uint32_t struct_size;
  uint32_t columns_count;
  const char* table; /* "interactions", "users" or "items" */
  const throng_column* const* columns;
} throng_schema;
enum { THRONG_RECORDS_STREAM = 1, THRONG_RECORDS_MESSAGES = 2 };
enum { THRONG_SLICE_CONTIGUOUS = 0, THRONG_SLICE_INTERLEAVED = 1 };

/* Where records go and what they are part of. */
typedef struct throng_destination {
  uint32_t struct_size;
  uint32_t mode; /* THRONG_RECORDS_... */
  const throng_schema* schema;
  int32_t key_column; /* of messages; -1: no key */
  uint32_t slice_mode;
  int64_t slice_index;
  int64_t slice_count;
  const char* name;         /* the sink's first identity option: a path, a topic */
  throng_bytes fingerprint; /* of the dataset, 32 bytes: what else must be unique derives from it */
  int64_t created;          /* ms since 1970 UTC: when the output was first opened */
  int64_t users;            /* of the dataset */
  int64_t items;
  int64_t interactions; /* -1: without end */
  int64_t rows;         /* of this output; -1: without end */
  int64_t first_row;    /* of this output: the least row of the dataset that is delivered */
  throng_bytes state;   /* what begin returned when the output was first opened; else empty */
} throng_destination;
typedef struct throng_prologue {
  uint32_t struct_size;
  uint32_t cut_rows;  /* 0 or 1: any rows. Else inner blocks: encode is given a whole cut, between
                       * rows of the dataset divisible by it (a multiple of 4096, at most 2^20),
                       * ends of the output and of interleaved strides; commits fall on these */
  throng_bytes bytes; /* before the first record; STREAM only; at most 64 MiB */
  throng_bytes state; /* kept with the position for later instances (a schema's id); 1 MiB */
} throng_prologue;
/* The host's growing output; append at data + size after reserve, then raise size. */
typedef struct throng_buffer {
  uint32_t struct_size;
  char* data;
  size_t size;
  size_t capacity;
  /* [task] Makes room for `bytes` more (data may move); 0 when out of memory. */
  int32_t (*reserve)(struct throng_buffer* buffer, size_t bytes);
  throng_bytes note; /* of a whole cut, STREAM only: what `end` needs of it; 64 KiB */
} throng_buffer;

/* Rows to encode, in order: the dataset's from first_row on, but for those left out on the way.
 * `columns[c]` has `rows` elements of the type of schema column c. An output's first record is in
 * the block whose first_row is not above the destination's. */
typedef struct throng_block {
  uint32_t struct_size;
  uint32_t rows;
  int64_t first_row;
  const void* const* columns;
  /* MESSAGES: for each row, append key then value, and write where in the buffer each ends. */
  uint32_t* key_end;
  uint32_t* value_end;
} throng_block;
/* A cut's note, and where the cut lies in the output, the prologue included. */
typedef struct throng_note {
  int64_t offset;
  int64_t size;
  int64_t rows;
  throng_bytes note;
} throng_note;
typedef struct throng_summary {
  uint32_t struct_size;
  uint32_t notes_count;
  int64_t rows;             /* of this output */
  const char* statistics;   /* a JSON object (throng.v1.Statistics), or "{}" where there is none */
  const throng_note* notes; /* of all cuts, of every process, in order */
  int64_t bytes;            /* before the epilogue */
} throng_summary;

/* All [task]. One instance a thread; begin on each, which may do I/O, and all prologues agree, also
 * where begin comes again, with other labels. */
typedef struct throng_format {
  uint32_t struct_size;
  uint32_t modes; /* THRONG_RECORDS_... or'ed: what it can make */
  throng_code (*create)(const throng_host* host, const throng_value* options, void** self,
                        throng_error* error);
  void (*destroy)(void* self);
  throng_code (*begin)(void* self, const throng_destination* destination, throng_prologue* prologue,
                       throng_error* error);
  throng_code (*encode)(void* self, const throng_block* block, throng_buffer* out,
                        throng_error* error);
  /* The epilogue; STREAM only. Of any begun instance, not of what it encoded. May be NULL. */
  throng_code (*end)(void* self, const throng_summary* summary, throng_buffer* out,
                     throng_error* error);
} throng_format;

/* ---- Sinks ---------------------------------------------------------------------------------- */
/* Whose position it is. uid, output, slice and part together are the key of a position. The host
 * keeps the identity in its state, and refuses a place whose state holds another. */
typedef struct throng_target {
  uint32_t struct_size;
  uint32_t slice_mode;
  const char* run_uid; /* 32 hexadecimal digits */
  const char* output;
  const char* identity; /* 64 hexadecimal digits: equal for requests that mean the same output */
  int64_t slice_index;
  int64_t slice_count;
  int64_t part; /* of an output in parts, each with an instance of its own, from 0; -1: in none */
  int32_t has_unique_keys; /* no two messages of the output have the same */
  int32_t sends_again;     /* rows that an earlier run delivered are wanted once more */
} throng_target;
typedef struct throng_opened {
  uint32_t struct_size;
  int32_t has_position;    /* 0: nothing of this target is here, it starts at its first row */
  int32_t is_complete;     /* finished: nothing is left to do */
  int64_t position;        /* the row to go on with, as committed */
  throng_bytes host_state; /* as committed with it */
  int64_t max_commit_rows; /* largest commit; 0: no limit */
  int64_t max_commit_ms;   /* longest time between first write and commit; 0: no limit */
} throng_opened;

/* Records of the dataset's rows from first_row on, but for those left out, or the prologue. */
typedef struct throng_records {
  uint32_t struct_size;
  uint32_t rows;
  int64_t first_row;
  throng_bytes bytes;
  /* MESSAGES, else NULL. Key i begins at value_end[i-1], the first at 0; value i at key_end[i]. */
  const uint32_t* key_end;
  const uint32_t* value_end;
  const int64_t* event_time; /* ms since 1970 UTC; NULL for tables without time */
} throng_records;
typedef struct throng_completion {
  uint32_t struct_size;
  int64_t rows;          /* of this output */
  throng_bytes epilogue; /* follows the last record */
  const char* manifest;  /* a JSON object; the sink adds what only it knows (bytes, digest) */
} throng_completion;

/* All [task]. A durable sink has what its last commit made durable, and nothing else, ever. */
typedef struct throng_sink {
  uint32_t struct_size;
  uint32_t modes;     /* THRONG_RECORDS_... or'ed: what it takes */
  int32_t is_durable; /* 0: it keeps no position, every run starts over (stdout, null) */
  throng_code (*create)(const throng_host* host, const throng_value* options, void** self,
                        throng_error* error);
  void (*destroy)(void* self); /* drops what is not committed */
  /* Takes the place (locks, fences), drops what is not committed and tells what it holds.
   * FAILED_PRECONDITION, ALREADY_EXISTS: something else is there; the sentence says what to do. */
  throng_code (*open)(void* self, const throng_target* target, throng_opened* opened,
                      throng_error* error);
  /* All of the records, or none of them and an error. */
  throng_code (*write)(void* self, const throng_records* records, throng_error* error);
  /* What was written, if anything, next row (or end) and host state, durable together. */
  throng_code (*commit)(void* self, int64_t position, throng_bytes host_state, throng_error* error);
  /* After the last commit: completes the output. May be repeated. */
  throng_code (*finish)(void* self, const throng_completion* completion, throng_error* error);
  /* What open would tell, without taking it; of another identity's place as well. NULL: unknown. */
  throng_code (*peek)(void* self, const throng_target* target, throng_opened* opened,
                      throng_error* error);
  /* Forgets the position and what was delivered where it can; needs no open. May be NULL. */
  throng_code (*reset)(void* self, const throng_target* target, throng_error* error);
  /* Of a stream, after open: goes back to a position, of which `bytes` bytes and the host state
   * stay, as more rows are asked for; as before or done, whatever happens. NULL: it cannot. */
  throng_code (*reopen)(void* self, int64_t position, int64_t bytes, throng_bytes host_state,
                        throng_error* error);
} throng_sink;

/* ---- The exported symbol -------------------------------------------------------------------- */
#define THRONG_EXPORT __attribute__((visibility("default")))
THRONG_EXPORT const throng_plugin* throng_plugin_v1(void); /* [load] */
typedef const throng_plugin* (*throng_plugin_function)(void);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* THRONG_PLUGIN_H_ */
