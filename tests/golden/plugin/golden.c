/* A plugin as release 0.2.0 of the contract has it: a rating, a format and a durable sink.
 *
 * golden-0.2.0.so was built of this file when that release was made, and stays as it is: tests load
 * it into the host of today. It was made on x86-64 in the root of the release's tree by
 *   gcc-12 -std=c11 -D_DEFAULT_SOURCE -O2 -Wall -Wextra -fPIC -fvisibility=hidden -shared \
 *     -s -Wl,-z,defs -Wl,--version-script=plugins/ThrongPlugin.map -Iplugins/include \
 *     tests/golden/plugin/golden.c -o tests/golden/plugin/golden-0.2.0.so
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <throng/plugin.h>
#include <unistd.h>

static throng_code Fail(throng_error* error, throng_code code, const char* message) {
  snprintf(error->message, sizeof error->message, "%s", message);
  return code;
}

/* ---- The rating `golden_alternate`: `high` stars for even rows, and 1.0 for odd ones. ----------
 */
static throng_code CreateRating(const throng_host* host, const throng_dataset* dataset,
                                const throng_value* options, void** self, throng_error* error) {
  int32_t* high = malloc(sizeof *high);
  (void)dataset;
  if (high == NULL) return Fail(error, THRONG_RESOURCE_EXHAUSTED, "No memory; make room.");
  *high = (int32_t)(options[0].real * 100 + 0.5);
  host->log(host->self, THRONG_LOG_INFO, "golden_alternate is used.");
  *self = high;
  return THRONG_OK;
}

static throng_code FillRatings(void* self, const throng_batch* batch, throng_error* error) {
  (void)error;
  for (uint32_t i = 0; i < batch->rows; ++i) {
    batch->rating[i] = (batch->first_row + i) % 2 == 0 ? *(const int32_t*)self : 100;
  }
  return THRONG_OK;
}

static void VisitTables(void* self, void* context,
                        void (*visit)(void* context, const void* table, size_t bytes)) {
  visit(context, self, sizeof(int32_t));
}

static const throng_option kHigh = {.struct_size = sizeof kHigh,
                                    .type = THRONG_OPTION_FLOAT64,
                                    .name = "high",
                                    .doc = "Stars of even rows.",
                                    .default_text = "5",
                                    .minimum = "1",
                                    .maximum = "5"};
static const throng_option* const kRatingOptions[] = {&kHigh, NULL};
static const throng_behaviour kRatingFunctions = {.struct_size = sizeof kRatingFunctions,
                                                  .create = CreateRating,
                                                  .destroy = free,
                                                  .fill = FillRatings,
                                                  .tables = VisitTables};
static const throng_component kRating = {.struct_size = sizeof kRating,
                                         .role = THRONG_ROLE_RATING,
                                         .name = "golden_alternate",
                                         .doc = "High and low ratings by turns.",
                                         .options = kRatingOptions,
                                         .functions = &kRatingFunctions};

/* ---- The format `golden_text`: numbers of user and item, hundredths and milliseconds. ----------
 */
typedef struct {
  throng_column columns[4];
  uint32_t count;
} Text;

static throng_code CreateText(const throng_host* host, const throng_value* options, void** self,
                              throng_error* error) {
  (void)host, (void)options;
  *self = calloc(1, sizeof(Text));
  return *self != NULL ? THRONG_OK
                       : Fail(error, THRONG_RESOURCE_EXHAUSTED, "No memory; make room.");
}

static throng_code BeginText(void* self, const throng_destination* destination,
                             throng_prologue* prologue, throng_error* error) {
  static const char kTitle[] = "golden\n";
  Text* text = self;
  text->count = destination->schema->columns_count;
  if (text->count > 4) return Fail(error, THRONG_UNIMPLEMENTED, "Choose at most 4 columns.");
  for (uint32_t c = 0; c < text->count; ++c) {
    const throng_column* column = destination->schema->columns[c];
    if (column->type > THRONG_COLUMN_TIMESTAMP) {
      return Fail(error, THRONG_UNIMPLEMENTED, "golden_text has ids, numbers and times only.");
    }
    memset(&text->columns[c], 0, sizeof(throng_column));
    memcpy(&text->columns[c], column,
           column->struct_size < sizeof *column ? column->struct_size : sizeof *column);
  }
  prologue->bytes = (throng_bytes){kTitle, sizeof kTitle - 1};
  return THRONG_OK;
}

static throng_code EncodeText(void* self, const throng_block* block, throng_buffer* out,
                              throng_error* error) {
  const Text* text = self;
  enum { kLongest = 24 }; /* a number, its sign and what follows */
  for (uint32_t i = 0; i < block->rows; ++i) {
    if (!out->reserve(out, kLongest * 4)) {
      return Fail(error, THRONG_RESOURCE_EXHAUSTED, "No memory; make room.");
    }
    for (uint32_t c = 0; c < text->count; ++c) {
      const throng_column* column = &text->columns[c];
      const int64_t value = column->type == THRONG_COLUMN_RATING
                                ? ((const int32_t*)block->columns[c])[i]
                                : ((const int64_t*)block->columns[c])[i];
      const int64_t shown = column->type == THRONG_COLUMN_ID ? value + column->id_first : value;
      out->size += (size_t)snprintf(out->data + out->size, kLongest, "%" PRId64 "%c", shown,
                                    c + 1 < text->count ? ' ' : '\n');
    }
  }
  return THRONG_OK;
}

static throng_code EndText(void* self, const throng_summary* summary, throng_buffer* out,
                           throng_error* error) {
  (void)self;
  if (!out->reserve(out, 32)) {
    return Fail(error, THRONG_RESOURCE_EXHAUSTED, "No memory; make room.");
  }
  out->size += (size_t)snprintf(out->data + out->size, 32, "%" PRId64 " rows\n", summary->rows);
  return THRONG_OK;
}

static const throng_option* const kNoOptions[] = {NULL};
static const throng_format kTextFunctions = {.struct_size = sizeof kTextFunctions,
                                             .modes = THRONG_RECORDS_STREAM,
                                             .create = CreateText,
                                             .destroy = free,
                                             .begin = BeginText,
                                             .encode = EncodeText,
                                             .end = EndText};
static const throng_component kText = {.struct_size = sizeof kText,
                                       .role = THRONG_ROLE_FORMAT,
                                       .name = "golden_text",
                                       .doc = "Numbers and spaces.",
                                       .options = kNoOptions,
                                       .functions = &kTextFunctions};

/* ---- The sink `golden_file`: a file, and a mark beside it that says how much of it counts. -----
 */
typedef struct {
  int64_t has_position;
  int64_t is_complete;
  int64_t position;
  int64_t bytes;
  int64_t host_state_size;
} Mark;

typedef struct {
  char path[1024];
  int file;
  int64_t written;
  Mark mark;
  char* host_state;
} File;

static throng_code CreateFile(const throng_host* host, const throng_value* options, void** self,
                              throng_error* error) {
  (void)host;
  File* file = calloc(1, sizeof *file);
  if (file == NULL) return Fail(error, THRONG_RESOURCE_EXHAUSTED, "No memory; make room.");
  if (options[0].text.size > sizeof file->path - 16) {
    free(file);
    return Fail(error, THRONG_INVALID_ARGUMENT, "The path is too long; choose a shorter one.");
  }
  memcpy(file->path, options[0].text.data, options[0].text.size);
  file->file = -1;
  *self = file;
  return THRONG_OK;
}

static void DestroyFile(void* self) {
  File* file = self;
  if (file->file >= 0) close(file->file);
  free(file->host_state);
  free(file);
}

static throng_code SaveMark(File* file, throng_error* error) {
  char path[1040];
  char new_path[1040];
  snprintf(path, sizeof path, "%s.mark", file->path);
  snprintf(new_path, sizeof new_path, "%s.mark.new", file->path);
  file->mark.bytes = file->written;
  FILE* out = fopen(new_path, "wb");
  const size_t state = (size_t)file->mark.host_state_size;
  const int is_saved = out != NULL && fwrite(&file->mark, sizeof file->mark, 1, out) == 1 &&
                       fwrite(file->host_state, 1, state, out) == state;
  if ((out != NULL && fclose(out) != 0) || !is_saved || fsync(file->file) != 0 ||
      rename(new_path, path) != 0) {
    return Fail(error, THRONG_RESOURCE_EXHAUSTED, "The mark cannot be written; make room.");
  }
  return THRONG_OK;
}

static throng_code OpenFile(void* self, const throng_target* target, throng_opened* opened,
                            throng_error* error) {
  File* file = self;
  char path[1040];
  (void)target;
  snprintf(path, sizeof path, "%s.mark", file->path);
  file->file = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file->file < 0 || flock(file->file, LOCK_EX | LOCK_NB) != 0) {
    return Fail(error, THRONG_FAILED_PRECONDITION,
                "The file cannot be opened, or is in use; choose another path.");
  }
  FILE* in = fopen(path, "rb");
  if (in != NULL) {
    const int is_read = fread(&file->mark, sizeof file->mark, 1, in) == 1;
    const size_t state = is_read ? (size_t)file->mark.host_state_size : 0;
    file->host_state = malloc(state + 1);
    const int is_whole =
        is_read && file->host_state != NULL && fread(file->host_state, 1, state, in) == state;
    fclose(in);
    if (!is_whole) return Fail(error, THRONG_DATA_LOSS, "The mark is damaged; remove the file.");
  }
  file->written = file->mark.bytes;
  if (ftruncate(file->file, file->written) != 0) {
    return Fail(error, THRONG_UNAVAILABLE, "The file cannot be cut to what was committed.");
  }
  opened->has_position = (int32_t)file->mark.has_position;
  opened->is_complete = (int32_t)file->mark.is_complete;
  opened->position = file->mark.position;
  opened->host_state = (throng_bytes){file->host_state, (size_t)file->mark.host_state_size};
  return THRONG_OK;
}

static throng_code Append(File* file, throng_bytes bytes, throng_error* error) {
  const ssize_t size = pwrite(file->file, bytes.data, bytes.size, file->written);
  if (size < 0 || (size_t)size != bytes.size) {
    return Fail(error, THRONG_RESOURCE_EXHAUSTED, "The file cannot grow; make room.");
  }
  file->written += size;
  return THRONG_OK;
}

static throng_code WriteFile(void* self, const throng_records* records, throng_error* error) {
  return Append(self, records->bytes, error);
}

static throng_code CommitFile(void* self, int64_t position, throng_bytes host_state,
                              throng_error* error) {
  File* file = self;
  char* copy = malloc(host_state.size + 1);
  if (copy == NULL) return Fail(error, THRONG_RESOURCE_EXHAUSTED, "No memory; make room.");
  memcpy(copy, host_state.data, host_state.size);
  free(file->host_state);
  file->host_state = copy;
  file->mark.host_state_size = (int64_t)host_state.size;
  file->mark.has_position = 1;
  file->mark.position = position;
  return SaveMark(file, error);
}

static throng_code FinishFile(void* self, const throng_completion* completion,
                              throng_error* error) {
  File* file = self;
  if (file->mark.is_complete) return THRONG_OK; /* it is repeated */
  const throng_code code = Append(file, completion->epilogue, error);
  if (code != THRONG_OK) return code;
  file->mark.is_complete = 1;
  return SaveMark(file, error);
}

static const throng_option kPath = {
    .struct_size = sizeof kPath,
    .type = THRONG_OPTION_STRING,
    .flags = THRONG_OPTION_REQUIRED | THRONG_OPTION_IDENTITY | THRONG_OPTION_PATH,
    .name = "path",
    .doc = "The file to write."};
static const throng_option* const kFileOptions[] = {&kPath, NULL};
static const throng_sink kFileFunctions = {.struct_size = sizeof kFileFunctions,
                                           .modes = THRONG_RECORDS_STREAM,
                                           .is_durable = 1,
                                           .create = CreateFile,
                                           .destroy = DestroyFile,
                                           .open = OpenFile,
                                           .write = WriteFile,
                                           .commit = CommitFile,
                                           .finish = FinishFile};
static const throng_component kFile = {.struct_size = sizeof kFile,
                                       .role = THRONG_ROLE_SINK,
                                       .name = "golden_file",
                                       .doc = "A file and a mark beside it.",
                                       .options = kFileOptions,
                                       .functions = &kFileFunctions};

static const throng_component* const kComponents[] = {&kRating, &kText, &kFile, NULL};
static const throng_plugin kPlugin = {.struct_size = sizeof kPlugin,
                                      .abi_minor = THRONG_ABI_MINOR,
                                      .name = "golden",
                                      .version = "0.2.0",
                                      .doc = "The contract of release 0.2.0, kept for ever.",
                                      .components = kComponents};

const throng_plugin* throng_plugin_v1(void) { return &kPlugin; }
