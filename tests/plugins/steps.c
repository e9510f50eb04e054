/* A clock in plain C: each row lies at random within a step of its own. */
#include <stdlib.h>
#include <throng/hash.h>
#include <throng/plugin.h>

typedef struct Steps {
  uint64_t key;
  int64_t from_row, start, step; /* ms */
} Steps;

static throng_code Create(const throng_host* host, const throng_dataset* dataset,
                          const throng_value* options, void** self, throng_error* error) {
  Steps* steps = malloc(sizeof *steps);
  (void)host, (void)error;
  if (steps == NULL) return THRONG_RESOURCE_EXHAUSTED;
  *steps = (Steps){dataset->key, dataset->from_row, options[0].integer, options[1].integer};
  if (steps->start < dataset->from_time) steps->start = dataset->from_time;
  *self = steps;
  return THRONG_OK;
}

static throng_code Fill(void* self, const throng_batch* batch, throng_error* error) {
  const Steps steps = *(const Steps*)self;
  (void)error;
  for (uint32_t i = 0; i < batch->rows; ++i) {
    const int64_t row = batch->first_row + i;
    const uint64_t within = throng_hash(steps.key, (uint64_t)row) % (uint64_t)steps.step;
    batch->time[i] = steps.start + (row - steps.from_row) * steps.step + (int64_t)within;
  }
  return THRONG_OK;
}

static const throng_option kStart = {.struct_size = sizeof kStart,
                                     .type = THRONG_OPTION_TIMESTAMP,
                                     .name = "start",
                                     .doc = "When the first step begins.",
                                     .default_text = "2024-01-01T00:00:00Z"};
static const throng_option kStep = {.struct_size = sizeof kStep,
                                    .type = THRONG_OPTION_DURATION,
                                    .name = "step",
                                    .doc = "How long a step takes.",
                                    .default_text = "1s",
                                    .minimum = "1ms",
                                    .maximum = "1m"};
static const throng_option* const kOptions[] = {&kStart, &kStep, NULL};
static const throng_behaviour kFunctions = {
    .struct_size = sizeof kFunctions, .create = Create, .destroy = free, .fill = Fill};
static const throng_component kSteps = {.struct_size = sizeof kSteps,
                                        .role = THRONG_ROLE_CLOCK,
                                        .name = "steps",
                                        .doc = "One row a step.",
                                        .options = kOptions,
                                        .functions = &kFunctions};
static const throng_component* const kComponents[] = {&kSteps, NULL};
static const throng_plugin kPlugin = {.struct_size = sizeof kPlugin,
                                      .abi_minor = THRONG_ABI_MINOR,
                                      .name = "steps",
                                      .version = "1.0.0",
                                      .doc = "A clock in plain C.",
                                      .components = kComponents};

const throng_plugin* throng_plugin_v1(void) { return &kPlugin; }
