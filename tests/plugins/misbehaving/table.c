/* A plugin whose table breaks one rule of the contract, or stretches it: the rule is chosen when it
 * is compiled. With none, it keeps them all. */
#include <string.h>
#include <throng/plugin.h>
#include <unistd.h>

#ifndef ENTRY
#define ENTRY throng_plugin_v1
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(throng_plugin)
#endif
#ifndef MINOR
#define MINOR THRONG_ABI_MINOR
#endif
#ifndef HOST_MINOR
#define HOST_MINOR 0
#endif
#ifndef FUNCTIONS_SIZE
#define FUNCTIONS_SIZE sizeof(throng_behaviour)
#endif
#ifndef ROLE
#define ROLE THRONG_ROLE_RATING
#endif
#ifndef NAME
#define NAME "table"
#endif
#ifndef DOC
#define DOC "Three stars."
#endif
#ifndef OPTION
#define OPTION "stars"
#endif
#ifndef TYPE
#define TYPE THRONG_OPTION_FLOAT64
#endif
#ifndef DEFAULT
#define DEFAULT "3"
#endif
#ifndef MINIMUM
#define MINIMUM "1"
#endif
#ifndef HAS_FILL
#define HAS_FILL 1
#endif
#ifndef HAS_TABLE
#define HAS_TABLE 1
#endif

static throng_code Create(const throng_host* host, const throng_dataset* dataset,
                          const throng_value* options, void** self, throng_error* error) {
  static int32_t instance;
  (void)host, (void)dataset, (void)options, (void)error;
  *self = &instance;
  return THRONG_OK;
}
static void Destroy(void* self) { (void)self; }
static throng_code Fill(void* self, const throng_batch* batch, throng_error* error) {
  (void)self, (void)error;
  for (uint32_t i = 0; i < batch->rows; ++i) batch->rating[i] = 300;
  return THRONG_OK;
}

static const throng_option kStars = {.struct_size = sizeof kStars,
                                     .type = TYPE,
                                     .name = OPTION,
                                     .doc = "What everybody gives.",
                                     .default_text = DEFAULT,
                                     .minimum = MINIMUM,
                                     .maximum = "5"};
#ifdef TWICE
static const throng_option* const kOptions[] = {&kStars, &kStars, NULL};
#else
static const throng_option* const kOptions[] = {&kStars, NULL};
#endif

/* What lies behind the functions: of an older plugin something else, of a newer one more of them.
 */
static const struct {
  throng_behaviour known;
  const char* beyond[4];
} kFunctions = {{.struct_size = FUNCTIONS_SIZE,
                 .create = Create,
                 .destroy = Destroy,
                 .fill = HAS_FILL ? Fill : NULL,
#ifdef OLDER
                 /* Not functions: a host that does not look at struct_size crashes. */
                 .kinds = (void*)1,
                 .block_rows = (void*)2,
                 .tables = (void*)3
#endif
                },
                {"not", "known", "to this", "host"}};

static throng_component component = {.struct_size = sizeof component,
                                     .role = ROLE,
                                     .name = NAME,
                                     .doc = DOC,
                                     .options = kOptions,
                                     .functions = &kFunctions};
#ifdef FUTURE_TOO
/* Of a host to come: nothing of it but its role and name is looked at. */
static const throng_component kFuture = {.struct_size = sizeof kFuture,
                                         .role = "rating/2",
                                         .name = "future",
                                         .doc = "Stars with a reason.",
                                         .functions = "of another shape"};
static const throng_component* const kComponents[] = {&kFuture, &component, NULL};
#else
static const throng_component* const kComponents[] = {&component, NULL};
#endif
static const throng_plugin kPlugin = {.struct_size = PLUGIN_SIZE,
                                      .abi_minor = MINOR,
                                      .host_minor = HOST_MINOR,
                                      .name = "table",
                                      .version = "1.0.0",
                                      .doc = "A table.",
                                      .components = kComponents};

#ifdef EXTRA_SYMBOL
THRONG_EXPORT int throng_also_exported(void);
int throng_also_exported(void) { return 1; }
#endif
#ifdef MISSING_SYMBOL
int MISSING_SYMBOL(void);
#endif

THRONG_EXPORT const throng_plugin* ENTRY(void);
const throng_plugin* ENTRY(void) {
#ifdef CHANGES
  static int calls;
  component.doc = calls++ % 2 == 0 ? "One thing." : "Another thing.";
#endif
#ifdef CHANGES_BY_PROCESS
  static char name[] = "Of process 0123456789.";
  for (int i = 0, pid = getpid(); i < 10; ++i, pid /= 10) name[20 - i] = (char)('0' + pid % 10);
  component.doc = name;
#endif
#ifdef MISSING_SYMBOL
  if (component.name == NULL) MISSING_SYMBOL();
#endif
  return HAS_TABLE ? &kPlugin : NULL;
}
