/* Sources and decoders: the way back, of the contract in plugin.h, whose rules hold here too.
 *
 * A source gives what lies somewhere, as bytes or messages; a decoder makes rows of them. A format
 * that can be read back has a decoder of the same name, most often in the same plugin, and a sink a
 * source. A host that is older leaves out both and loads the rest.
 */
#ifndef THRONG_SOURCE_H_
#define THRONG_SOURCE_H_

#include "throng/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define THRONG_ROLE_SOURCE "source/1"
#define THRONG_ROLE_DECODER "decoder/1"

/* ---- Sources -------------------------------------------------------------------------------- */
/* Options of a source with THRONG_OPTION_PATH are read, and lie within the host's input roots. */

enum { THRONG_FROM_START = 0, THRONG_FROM_END = 1, THRONG_FROM_POSITIONS = 2 };
typedef struct throng_start {
  uint32_t struct_size;
  uint32_t from;
  int32_t follows;          /* 1: it waits for more at the end. 0: the end is where it is at open */
  uint32_t positions_count; /* FROM_POSITIONS, of the pieces in order; others from their start */
  const int64_t* positions; /* the first byte of a stream, the first offset of messages */
} throng_start;

/* What was opened: pieces, each with a beginning of its own (a file, a partition). */
typedef struct throng_place {
  uint32_t struct_size;
  uint32_t pieces_count;
  const char* const* pieces; /* a path, or "interactions [3]" */
  int64_t size;              /* bytes or messages up to the end, about; -1: unknown */
} throng_place;

typedef struct throng_message {
  uint32_t piece;
  int32_t is_event_time; /* what `time` is: the producer's own, or the broker's */
  int64_t offset;
  int64_t time;       /* ms since 1970 UTC; -1: none */
  throng_bytes key;   /* data NULL: none */
  throng_bytes value; /* data NULL: none (a tombstone) */
} throng_message;

/* Bytes of one piece, the pieces one after another, or messages of any. */
typedef struct throng_input {
  uint32_t struct_size;
  uint32_t mode; /* THRONG_RECORDS_... */
  uint32_t piece;
  int32_t ends_piece; /* STREAM: the piece ends with these bytes, of which there may be none */
  int32_t is_end;     /* nothing follows */
  uint32_t messages_count;
  int64_t offset; /* STREAM: of the first byte in its piece */
  throng_bytes bytes;
  const throng_message* messages; /* of each piece in order of their offsets */
} throng_input;

/* What the sink of the same name keeps of one target in the place: see throng_target. */
typedef struct throng_kept {
  uint32_t struct_size;
  uint32_t slice_mode;
  const char* run_uid;
  const char* output;
  int64_t slice_index;
  int64_t slice_count;
  int64_t part;
  int64_t position; /* the next row */
  int32_t is_complete;
  throng_bytes host_state;
} throng_kept;

/* One step of trying the way to a place. */
typedef struct throng_probe {
  uint32_t struct_size;
  throng_code code;     /* THRONG_OK: it worked */
  const char* name;     /* "reach", "metadata", "topic" */
  const char* sentence; /* what was found; or what is wrong, and what to do about it */
  double seconds;
} throng_probe;

/* All [task]. */
typedef struct throng_source {
  uint32_t struct_size;
  uint32_t modes; /* the one THRONG_RECORDS_... that it gives */
  throng_code (*create)(const throng_host* host, const throng_value* options, void** self,
                        throng_error* error);
  void (*destroy)(void* self);
  /* NOT_FOUND: nothing is there. Takes nothing from anybody: no lock, no group that others use. */
  throng_code (*open)(void* self, const throng_start* start, throng_place* place,
                      throng_error* error);
  /* What comes next: a byte or a message at least, or an end; or, if nothing comes within
   * wait_ms, neither. */
  throng_code (*read)(void* self, int64_t wait_ms, throng_input* input, throng_error* error);
  /* Without open: what sinks keep of the place, one by one. NULL: unknown. */
  throng_code (*kept)(void* self, void* context,
                      void (*visit)(void* context, const throng_kept* kept), throng_error* error);
  /* Without open: tries the way to the place step by step, until one fails (which is no error of
   * this call) or the last has worked; each within a few seconds. May be NULL. */
  throng_code (*probe)(void* self, void* context,
                       void (*visit)(void* context, const throng_probe* step), throng_error* error);
} throng_source;

/* ---- Decoders ------------------------------------------------------------------------------- */
/* Types of values that are asked for; the decoder makes them of what it finds. */
enum {
  THRONG_FOUND_TEXT = 1,     /* throng_bytes, numbers and labels as text; absent: data NULL */
  THRONG_FOUND_INT64 = 2,    /* int64_t; absent: INT64_MIN */
  THRONG_FOUND_FLOAT64 = 3,  /* double; absent: NaN */
  THRONG_FOUND_TIMESTAMP = 4 /* int64_t, ms since 1970 UTC; absent: INT64_MIN */
};
typedef struct throng_wanted {
  uint32_t struct_size;
  uint32_t type;
  int32_t is_required; /* its absence from a whole piece is an error, from a record a damage */
  const char* name;    /* in the data */
} throng_wanted;

/* What a piece is, before its first byte or message. */
typedef struct throng_origin {
  uint32_t struct_size;
  uint32_t mode; /* THRONG_RECORDS_... */
  uint32_t wanted_count;
  const throng_wanted* const* wanted;
  const char* name; /* of the piece */
} throng_origin;

/* A record that cannot be read, or whose value of a column cannot. */
typedef struct throng_damage {
  int64_t offset;       /* as throng_decoded.offset */
  uint32_t row;         /* so many rows of the same call come before it */
  uint32_t wanted;      /* the column at fault, or UINT32_MAX: all of it */
  const char* sentence; /* what is wrong: "rating is no number: abc" */
} throng_damage;

typedef struct throng_decoded {
  uint32_t struct_size;
  uint32_t capacity;    /* elements of each array; at least 1 */
  void* const* columns; /* by wanted column; text is valid until the next call */
  int64_t* offset;      /* where a record begins: the byte of the piece (once decompressed), or the
                         * index of the message in the input */
  /* Set by the decoder: */
  uint32_t rows;
  uint32_t damages_count;
  size_t consumed; /* bytes or messages of the input */
  const throng_damage* damages;
} throng_decoded;

/* All [task]. A record of any size takes bounded memory: one beyond the decoder's limit, a length
 * that cannot be, a member that blows up are damages. After a damage it goes on with the next
 * record that can be found. */
typedef struct throng_decoder {
  uint32_t struct_size;
  uint32_t modes; /* THRONG_RECORDS_... or'ed */
  throng_code (*create)(const throng_host* host, const throng_value* options, void** self,
                        throng_error* error);
  void (*destroy)(void* self);
  /* Once for each piece of a stream, once for all of messages. Drops what is left of an earlier
   * one. INVALID_ARGUMENT: what is wanted cannot be. */
  throng_code (*begin)(void* self, const throng_origin* origin, throng_error* error);
  /* Decodes from the input's begin; it comes again with what was not consumed, and then with more.
   * Fewer rows than capacity: it wants more input. Where the piece ends and all is consumed, a
   * record that has not ended is a damage. DATA_LOSS: nothing more of this piece can be read, why;
   * NOT_FOUND: it has no such column, and which it has. Rows given with an error count. */
  throng_code (*decode)(void* self, const throng_input* input, throng_decoded* decoded,
                        throng_error* error);
} throng_decoder;

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif /* THRONG_SOURCE_H_ */
