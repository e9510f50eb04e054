/* A plugin in plain C, without the SDK: everybody gives the same rating. */
#include <stdlib.h>
#include <throng/plugin.h>

static throng_code Create(const throng_host* host, const throng_dataset* dataset,
                          const throng_value* options, void** self, throng_error* error) {
  int32_t* hundredths = malloc(sizeof *hundredths);
  (void)host, (void)dataset, (void)error;
  if (hundredths == NULL) return THRONG_RESOURCE_EXHAUSTED;
  *hundredths = (int32_t)(options[0].real * 100 + 0.5);
  *self = hundredths;
  return THRONG_OK;
}

static throng_code Fill(void* self, const throng_batch* batch, throng_error* error) {
  (void)error;
  for (uint32_t i = 0; i < batch->rows; ++i) batch->rating[i] = *(const int32_t*)self;
  return THRONG_OK;
}

static const throng_option kStars = {.struct_size = sizeof kStars,
                                     .type = THRONG_OPTION_FLOAT64,
                                     .name = "stars",
                                     .doc = "What everybody gives.",
                                     .default_text = "3",
                                     .minimum = "1",
                                     .maximum = "5"};
static const throng_option* const kOptions[] = {&kStars, NULL};
static const throng_behaviour kFunctions = {
    .struct_size = sizeof kFunctions, .create = Create, .destroy = free, .fill = Fill};
static const throng_component kConstant = {.struct_size = sizeof kConstant,
                                           .role = THRONG_ROLE_RATING,
                                           .name = "constant",
                                           .doc = "The same rating for everything.",
                                           .options = kOptions,
                                           .functions = &kFunctions};
static const throng_component* const kComponents[] = {&kConstant, NULL};
static const throng_plugin kPlugin = {.struct_size = sizeof kPlugin,
                                      .abi_minor = THRONG_ABI_MINOR,
                                      .name = "plain_c",
                                      .version = "1.0.0",
                                      .doc = "Shows the contract without the SDK.",
                                      .components = kComponents};

const throng_plugin* throng_plugin_v1(void) { return &kPlugin; }
