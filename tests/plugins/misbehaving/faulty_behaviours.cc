// Behaviours of all four roles that are well as long as their option `fault` says "none", and else
// break the contract in the way that it names.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <throng/random.hpp>
#include <throng/sdk.hpp>

#include "tests/plugins/segfault.h"

namespace {

using throng::Hash;

constexpr int64_t kStart = 1'704'067'200'000;

struct Instance {
  throng_dataset dataset{};
  const throng_dataset* lent = nullptr;
  const throng_value* options = nullptr;  // these may be kept
  std::string fault;
  int64_t rows_so_far = 0;
  bool Has(std::string_view name) const { return fault == name; }
};

int64_t Random(const Instance& instance, const throng_batch& b, size_t i, int64_t end) {
  const uint64_t hash = Hash(instance.dataset.key, static_cast<uint64_t>(b.epoch),
                             static_cast<uint64_t>(b.epoch_row) + i);
  return static_cast<int64_t>(throng::MultiplyHigh(hash, static_cast<uint64_t>(end)));
}

// ---- The roles ----------------------------------------------------------------------------------

void FillActivity(Instance& self, const throng_batch& b) {
  const int64_t n = self.dataset.plan_size;
  const int64_t users = self.dataset.world->active_users;
  const auto first = [&](int64_t user) { return (user * n + users - 1) / users; };
  for (size_t i = 0; i < b.rows; ++i) {
    const int64_t user = b.place[i] * users / n;
    b.user[i] = user;
    b.user_row[i] = b.place[i] - first(user);
    b.user_rows[i] = first(user + 1) - first(user);
    if (self.Has("user_out_of_range") && b.place[i] == 0) b.user[i] = users;
    if (self.Has("user_row_twice") && b.user_row[i] == 1) b.user_row[i] = 0;
    if (self.Has("user_rows_wrong") && user == 5) b.user_rows[i] += 1;
    if (self.Has("user_row_out_of_range") && b.place[i] == 0) b.user_row[i] = b.user_rows[i];
    b.run_row[i] = b.user_row[i];
    b.run_rows[i] = b.user_rows[i];
    if (self.Has("runs_from_behind")) b.run_row[i] = b.user_rows[i] - 1 - b.user_row[i];
    if (self.Has("run_row_out_of_range") && b.place[i] == 0) b.run_row[i] = -1;
  }
}

void FillClock(Instance& self, const throng_batch& b) {
  for (size_t i = 0; i < b.rows; ++i) {
    const int64_t row = b.first_row + static_cast<int64_t>(i);
    b.time[i] = kStart + row * 1000;
    if (self.Has("goes_back") && row == 12'345) b.time[i] -= 1001;
    if (self.Has("changes_user") && row % 100 == 0) b.user[i] = 0;
  }
}

// Two kinds, each half of the epoch.
void FillChoice(Instance& self, const throng_batch& b) {
  const int64_t half = self.dataset.plan_size / 2;
  for (size_t i = 0; i < b.rows; ++i) {
    const bool is_second = b.place[i] >= half;
    b.item[i] = Random(self, b, i, self.dataset.world->touched_items);
    b.kind[i] = is_second ? 1 : 0;
    b.kind_row[i] = b.place[i] - (is_second ? half : 0);
    if (self.Has("item_out_of_range") && b.place[i] == 0) b.item[i] = -1;
    if (self.Has("kind_out_of_range") && b.place[i] == 0) b.kind[i] = 2;
    if (self.Has("kind_row_twice") && b.place[i] == half) b.kind_row[i] = 1;
    if (self.Has("kind_row_out_of_range") && b.place[i] == 1) b.kind_row[i] = half;
    if (b.extra == nullptr) continue;
    // Which side an item is of; absent is not one of them.
    auto* side = static_cast<int32_t*>(b.extra[0]);
    side[i] = static_cast<int32_t>(b.item[i] % 2);
    if (self.Has("column_beyond")) side[i] = -1;
    if (self.Has("column_of_batch") && i == 0) side[i] = b.first_row == 0 ? side[i] : 1 - side[i];
    if (self.Has("column_changes_items") && b.rows < 100) b.item[i] ^= 1;
  }
}

throng_code Columns(void* self, uint32_t table, const throng_column* const** columns,
                    uint32_t* count, throng_error*) {
  static const char* const kLabels[] = {"a", "b"};
  static throng_column column{};
  static const throng_column* const kPointers[] = {&column};
  column.struct_size = sizeof column;
  column.type = THRONG_COLUMN_LABEL;
  column.flags = THRONG_COLUMN_EXTRA;
  column.labels_count = 2;
  column.labels = kLabels;
  column.name = static_cast<const Instance*>(self)->Has("column_without_name") ? "" : "side";
  column.doc = "Of two.";
  *columns = kPointers;
  *count = table == THRONG_TABLE_USERS ? 0 : 1;
  return THRONG_OK;
}

throng_code Side(void* self, uint32_t, const int64_t* rank, size_t n, void* const* extra,
                 throng_error*) {
  const bool is_turned = n == 1 && static_cast<const Instance*>(self)->Has("side_of_batch");
  for (size_t i = 0; i < n; ++i) {
    static_cast<int32_t*>(extra[0])[i] = static_cast<int32_t>((rank[i] + (is_turned ? 1 : 0)) % 2);
  }
  return THRONG_OK;
}

// All items are as likely.
throng_code Score(void* self, const throng_pairs* pairs, throng_error*) {
  auto& instance = *static_cast<Instance*>(self);
  const auto items = static_cast<double>(instance.dataset.world->touched_items);
  for (size_t i = 0; i < pairs->n; ++i) {
    pairs->probability[i] = instance.Has("sure_of_all") ? 1 : 1 / items;
    if (instance.Has("not_a_number")) pairs->probability[i] = std::nan("");
    if (instance.Has("counts_scores") && pairs->n == 7) pairs->probability[i] /= 2;
    const double share = instance.Has("shares_of_half") ? 0.25 : 0.5;
    pairs->kind_share[2 * i] = pairs->kind_share[2 * i + 1] = share;
  }
  return THRONG_OK;
}

throng_code Kinds(void* self, const throng_kind* const** kinds, uint32_t* count, throng_error*) {
  const auto& instance = *static_cast<const Instance*>(self);
  const int64_t half = instance.dataset.plan_size / 2;
  static throng_kind table[2];
  static const throng_kind* const kPointers[] = {&table[0], &table[1]};
  table[0] = {sizeof(throng_kind), instance.Has("kind_name_with_comma") ? "a,b" : "first", half};
  table[1] = {sizeof(throng_kind), "second", instance.dataset.plan_size - half};
  if (instance.Has("kinds_do_not_add_up")) --table[1].rows;
  if (instance.Has("kind_without_name")) table[1].name = nullptr;
  if (instance.Has("kind_not_utf8")) table[1].name = "\xff";
  if (instance.Has("kind_below_nothing")) {
    table[0].rows = -1;
    table[1].rows = instance.dataset.plan_size + 1;
  }
  *kinds = kPointers;
  *count = instance.Has("too_many_kinds") ? 300 : 2;
  return THRONG_OK;
}

// What may go wrong in any role is shown by ratings.
void FillRating(Instance& self, const throng_batch& b) {
  if (self.Has("keeps_dataset") && self.lent->plan_size == 0) return;
  if (self.options[1].integer > 9 || self.dataset.kinds[0]->name[0] == '\0') return;
  for (size_t i = 0; i < b.rows; ++i) {
    int64_t rating = 100 + Random(self, b, i, 9) * 50;
    if (self.Has("carries_state")) rating += (self.rows_so_far + static_cast<int64_t>(i)) % 2;
    if (self.Has("depends_on_batch")) rating += b.rows > 4000 ? 1 : 0;
    if (self.Has("uses_time")) rating += time(nullptr) % 60;
    if (self.Has("uses_address")) rating += reinterpret_cast<intptr_t>(&FillRating) >> 12 & 0xfff;
    if (self.Has("uses_memory")) {
      auto* fresh = static_cast<volatile unsigned char*>(std::malloc(1000));
      rating += fresh[500];
      std::free(const_cast<unsigned char*>(fresh));
    }
    if (self.Has("uses_zone")) {
      const char* zone = std::getenv("TZ");
      rating += zone == nullptr ? 0 : static_cast<int64_t>(std::strlen(zone));
    }
    if (self.Has("uses_environment"))
      rating += std::getenv("THRONG_TEST_STARS") == nullptr ? 0 : 50;
    const bool is_large = b.rows > 100;  // which no row may know
    if (self.Has("impure_far_out")) rating += is_large && b.first_row > 30'000 ? 1 : 0;
    const int64_t level = self.options[1].integer;
    if (self.Has("impure_at_edge")) rating += is_large && level == 9 ? 1 : 0;
    if (self.Has("impure_within")) rating += is_large && level % 4 != 1 ? 1 : 0;
    if (self.Has("below_none") && i == 7) rating = -2;
    if (self.Has("leaves_out_unsaid") && i == 7) rating = -1;
    if (self.Has("leaves_last") && i == 99) continue;
    b.rating[i] = static_cast<int32_t>(rating);
  }
  self.rows_so_far += b.rows;
  if (self.Has("past_batch")) b.rating[b.rows] = 300;
  if (self.Has("before_batch")) b.rating[-1] = 300;
  if (self.Has("changes_item")) b.item[0] ^= 1;
  if (self.Has("throws_42")) throw 42;
  if (self.Has("throws_exception")) throw std::runtime_error("nobody catches me");
  if (self.Has("segfault")) throng::Segfault();
  if (self.Has("abort")) std::abort();
  if (self.Has("exit")) _exit(0);
  if (self.Has("exit_7")) std::exit(7);
  while (self.Has("hang")) std::this_thread::sleep_for(std::chrono::seconds(1));
}

// ---- Life ---------------------------------------------------------------------------------------

throng_code Create(const throng_host*, const throng_dataset* dataset, const throng_value* options,
                   void** self, throng_error* error) {
  const std::string fault(throng::View(options[0].text));
  const bool is_edge = options[1].integer == 9;
  if (fault == "refuses_large_plans" && dataset->plan_size > 1'000'000) {
    std::strcpy(error->message, "An epoch has a million rows at most; choose less.");
    return THRONG_OUT_OF_RANGE;
  }
  if (fault == "segfault_at_edge" && is_edge) throng::Segfault();
  if (fault == "says_nothing" && is_edge) return THRONG_INVALID_ARGUMENT;
  if (fault == "refuses") {
    std::strcpy(error->message, "Not today.");
    return THRONG_INVALID_ARGUMENT;
  }
  *self = new Instance{*dataset, dataset, options, fault};
  return THRONG_OK;
}

void Destroy(void* self) {
  auto* instance = static_cast<Instance*>(self);
  if (instance->Has("abort_in_destroy")) std::abort();
  if (!instance->Has("leaks")) delete instance;
}

uint32_t BlockRows(void* self) {
  return static_cast<Instance*>(self)->Has("block_too_large") ? 100'000 : 0;
}

const throng_option kFault = {.struct_size = sizeof kFault,
                              .type = THRONG_OPTION_STRING,
                              .flags = 0,
                              .name = "fault",
                              .doc = "How to break the contract.",
                              .default_text = "none",
                              .minimum = nullptr,
                              .maximum = nullptr,
                              .choices = nullptr};
const throng_option kLevel = {.struct_size = sizeof kLevel,
                              .type = THRONG_OPTION_INT64,
                              .flags = 0,
                              .name = "level",
                              .doc = "A number with edges.",
                              .default_text = "5",
                              .minimum = "1",
                              .maximum = "9",
                              .choices = nullptr};
const throng_option* const kOptions[] = {&kFault, &kLevel, nullptr};

template <void (*FillColumns)(Instance&, const throng_batch&)>
throng_code Fill(void* self, const throng_batch* batch, throng_error*) {
  FillColumns(*static_cast<Instance*>(self), *batch);
  return THRONG_OK;
}

throng_code Segments(void* self, int64_t epoch, const int64_t** first_rows, uint32_t* count,
                     throng_error* /*error*/) {
  const auto& instance = *static_cast<const Instance*>(self);
  static int64_t table[2];
  table[1] = instance.Has("segments_by_time") ? time(nullptr) % 60 : 0;
  *first_rows = table;
  *count = instance.Has("segments_by_time") || (instance.Has("segments_vary") && epoch > 0) ? 2 : 1;
  return THRONG_OK;
}

template <void (*FillColumns)(Instance&, const throng_batch&)>
constexpr throng_behaviour Functions(bool is_choice) {
  throng_behaviour functions{};
  functions.struct_size = sizeof functions;
  functions.create = &Create;
  functions.destroy = &Destroy;
  functions.fill = &Fill<FillColumns>;
  if (is_choice) {
    functions.kinds = &Kinds;
    functions.columns = &Columns;
    functions.side = &Side;
    functions.score = &Score;
  }
  functions.block_rows = &BlockRows;
  functions.segments = &Segments;
  return functions;
}
constexpr throng_behaviour kFunctions[] = {Functions<FillActivity>(false),
                                           Functions<FillClock>(false), Functions<FillChoice>(true),
                                           Functions<FillRating>(false)};

constexpr throng_component Component(const char* role, const char* name,
                                     const throng_behaviour* functions) {
  return {.struct_size = sizeof(throng_component),
          .role = role,
          .name = name,
          .doc = "Breaks the contract on demand.",
          .options = kOptions,
          .validate = nullptr,
          .functions = functions};
}
const throng_component kComponents[] = {
    Component(THRONG_ROLE_ACTIVITY, "faulty_activity", &kFunctions[0]),
    Component(THRONG_ROLE_CLOCK, "faulty_clock", &kFunctions[1]),
    Component(THRONG_ROLE_CHOICE, "faulty_choice", &kFunctions[2]),
    Component(THRONG_ROLE_RATING, "faulty_rating", &kFunctions[3])};
const throng_component* const kPointers[] = {&kComponents[0], &kComponents[1], &kComponents[2],
                                             &kComponents[3], nullptr};
const throng_plugin kPlugin = {.struct_size = sizeof(throng_plugin),
                               .abi_minor = THRONG_ABI_MINOR,
                               .host_minor = 0,
                               .name = "faulty_behaviours",
                               .version = "1.0.0",
                               .doc = "Behaviours that break the contract on demand.",
                               .components = kPointers};

}  // namespace

extern "C" const throng_plugin* throng_plugin_v1(void) { return &kPlugin; }
