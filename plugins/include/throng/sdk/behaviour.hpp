// Behaviours: the four roles that fill columns of a batch of interactions.
//
//   T(const Options&, const Dataset&) or T(const Dataset&)
//   void Fill(const Rows&, Columns)     by role: ActivityColumns or ActivityRunColumns;
//                                       std::span<int64_t> of times; ChoiceColumns or
//                                       std::span<int64_t> of items; std::span<int32_t> of ratings
// and, if it has them,
//   template <class Visit> void Tables(Visit&&) const    visit(std::as_bytes(table)) for each table
//   uint32_t BlockRows() const
//   std::vector<Column> Columns(uint32_t table) const
//   void Side(uint32_t table, std::span<const int64_t> rank, const Extra&)
//   std::vector<int64_t> Segments(int64_t epoch) const   activities
//   bool Sorts() const                                   clocks
//   bool LeavesOut() const                               ratings
//   std::vector<Kind> Kinds() const                      choices
//   void Learn(const Rows&)                              choices and ratings
//   void Score(const Pairs&)                             choices and ratings
#ifndef THRONG_SDK_BEHAVIOUR_HPP_
#define THRONG_SDK_BEHAVIOUR_HPP_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "throng/plugin.h"
#include "throng/sdk/component.hpp"
#include "throng/sdk/rows.hpp"

namespace throng {
namespace detail {

THRONG_DETAIL_MAY_HAVE(BlockRows)
THRONG_DETAIL_MAY_HAVE(Columns)
THRONG_DETAIL_MAY_HAVE(Kinds)
THRONG_DETAIL_MAY_HAVE(Learn)
THRONG_DETAIL_MAY_HAVE(LeavesOut)
THRONG_DETAIL_MAY_HAVE(Score)
THRONG_DETAIL_MAY_HAVE(Segments)
THRONG_DETAIL_MAY_HAVE(Side)
THRONG_DETAIL_MAY_HAVE(Sorts)
THRONG_DETAIL_MAY_HAVE(Tables)

template <class T>
T MakeBehaviour(const throng_value* options, const Dataset& dataset) {
  if constexpr (std::constructible_from<T, const typename Declared<T>::Options&, const Dataset&>) {
    return T(Declared<T>::Parse(options), dataset);
  } else {
    static_assert(std::constructible_from<T, const Dataset&>,
                  "A behaviour is made from (const Options&, const Dataset&), or from "
                  "(const Dataset&).");
    return T(dataset);
  }
}

template <class T>
struct BehaviourInstance {
  BehaviourInstance(const throng_value* options, const Dataset& dataset)
      : kinds_count(dataset.kinds.size()), behaviour(MakeBehaviour<T>(options, dataset)) {}

  size_t kinds_count;  // of ratings, and of choices that were asked for their kinds
  T behaviour;
  // What the host borrows.
  std::vector<Kind> kinds;
  std::vector<throng_kind> kind_table;
  std::vector<const throng_kind*> kind_pointers;
  std::vector<int64_t> segments;
  struct Table {
    std::vector<Column> columns;
    std::vector<std::vector<const char*>> labels;
    std::vector<throng_column> table;
    std::vector<const throng_column*> pointers;
  };
  Table tables[THRONG_TABLE_ITEMS + 1];
};

// How each role hands its columns to T::Fill.
template <class T>
void FillActivity(T& behaviour, const Rows& rows, const throng_batch& b) {
  const size_t n = rows.size;
  if constexpr (requires { behaviour.Fill(rows, ActivityRunColumns{}); }) {
    behaviour.Fill(
        rows, ActivityRunColumns{
                  {b.user, n}, {b.user_row, n}, {b.user_rows, n}, {b.run_row, n}, {b.run_rows, n}});
  } else {
    behaviour.Fill(rows, ActivityColumns{{b.user, n}, {b.user_row, n}, {b.user_rows, n}});
    std::fill_n(b.run_row, n, int64_t{0});
    std::fill_n(b.run_rows, n, int64_t{1});
  }
}
template <class T>
void FillClock(T& behaviour, const Rows& rows, const throng_batch& b) {
  behaviour.Fill(rows, std::span<int64_t>(b.time, rows.size));
}
template <class T>
void FillChoice(T& behaviour, const Rows& rows, const throng_batch& b) {
  const std::span<int64_t> item(b.item, rows.size);
  if constexpr (requires { behaviour.Fill(rows, ChoiceColumns{}); }) {
    behaviour.Fill(rows, ChoiceColumns{item, {b.kind, rows.size}, {b.kind_row, rows.size}});
  } else {
    behaviour.Fill(rows, item);
  }
}
template <class T>
void FillRating(T& behaviour, const Rows& rows, const throng_batch& b) {
  behaviour.Fill(rows, std::span<int32_t>(b.rating, rows.size));
}

// Optional members as functions of the table.
template <class T>
void AddKinds(throng_behaviour* table) {
  constexpr bool kHas = requires(const T& t) {
    { t.Kinds() } -> std::convertible_to<std::vector<Kind>>;
  };
  THRONG_DETAIL_CHECK(T, Kinds, kHas, "std::vector<Kind> Kinds() const");
  if constexpr (!kHas)
    return;
  else
    table->kinds = [](void* self, const throng_kind* const** kinds, uint32_t* count,
                      throng_error* error) -> throng_code {
      return Guard(error, [&] {
        auto* instance = static_cast<BehaviourInstance<T>*>(self);
        instance->kinds = instance->behaviour.Kinds();
        instance->kinds_count = instance->kinds.size();
        instance->kind_table.clear();
        instance->kind_pointers.clear();
        for (const Kind& kind : instance->kinds) {
          instance->kind_table.push_back({sizeof(throng_kind), kind.name.c_str(), kind.rows});
        }
        for (const throng_kind& kind : instance->kind_table)
          instance->kind_pointers.push_back(&kind);
        *kinds = instance->kind_pointers.data();
        *count = static_cast<uint32_t>(instance->kinds.size());
      });
    };
}

template <class T>
void AddBlocks(throng_behaviour* table) {
  constexpr bool kHasBlocks = requires(const T& t) {
    { t.BlockRows() } -> std::convertible_to<uint32_t>;
  };
  THRONG_DETAIL_CHECK(T, BlockRows, kHasBlocks, "uint32_t BlockRows() const");
  if constexpr (kHasBlocks) {
    table->block_rows = [](void* self) -> uint32_t {
      return static_cast<BehaviourInstance<T>*>(self)->behaviour.BlockRows();
    };
  }
  constexpr bool kSorts = requires(const T& t) {
    { t.Sorts() } -> std::convertible_to<bool>;
  };
  THRONG_DETAIL_CHECK(T, Sorts, kSorts, "bool Sorts() const");
  if constexpr (kSorts) {
    table->sorts = [](void* self) -> int32_t {
      return static_cast<BehaviourInstance<T>*>(self)->behaviour.Sorts() ? 1 : 0;
    };
  }
  constexpr bool kLeavesOut = requires(const T& t) {
    { t.LeavesOut() } -> std::convertible_to<bool>;
  };
  THRONG_DETAIL_CHECK(T, LeavesOut, kLeavesOut, "bool LeavesOut() const");
  if constexpr (kLeavesOut) {
    table->leaves_out = [](void* self) -> int32_t {
      return static_cast<BehaviourInstance<T>*>(self)->behaviour.LeavesOut() ? 1 : 0;
    };
  }
  constexpr bool kHasSegments = requires(const T& t) {
    { t.Segments(int64_t{}) } -> std::convertible_to<std::vector<int64_t>>;
  };
  THRONG_DETAIL_CHECK(T, Segments, kHasSegments,
                      "std::vector<int64_t> Segments(int64_t epoch) const");
  if constexpr (kHasSegments) {
    table->segments = [](void* self, int64_t epoch, const int64_t** first_rows, uint32_t* count,
                         throng_error* error) -> throng_code {
      return Guard(error, [&] {
        auto* instance = static_cast<BehaviourInstance<T>*>(self);
        instance->segments = instance->behaviour.Segments(epoch);
        *first_rows = instance->segments.data();
        *count = static_cast<uint32_t>(instance->segments.size());
      });
    };
  }
}

template <class T>
void AddTables(throng_behaviour* table) {
  constexpr bool kHas = requires(const T& t, void (*f)(std::span<const std::byte>)) {
    t.Tables(f);
  };
  THRONG_DETAIL_CHECK(T, Tables, kHas, "template <class Visit> void Tables(Visit&&) const");
  if constexpr (kHas) {
    table->tables = [](void* self, void* context,
                       void (*visit)(void* context, const void* table, size_t bytes)) {
      static_cast<BehaviourInstance<T>*>(self)->behaviour.Tables(
          [&](std::span<const std::byte> t) { visit(context, t.data(), t.size()); });
    };
  }
}

template <class T>
void AddColumns(throng_behaviour* table) {
  constexpr bool kHas = requires(const T& t) {
    { t.Columns(uint32_t{}) } -> std::convertible_to<std::vector<Column>>;
  };
  THRONG_DETAIL_CHECK(T, Columns, kHas, "std::vector<Column> Columns(uint32_t table) const");
  if constexpr (kHas) {
    table->columns = [](void* self, uint32_t which, const throng_column* const** columns,
                        uint32_t* count, throng_error* error) -> throng_code {
      return Guard(error, [&] {
        auto* instance = static_cast<BehaviourInstance<T>*>(self);
        auto& own = instance->tables[which];
        own = {};
        own.columns = instance->behaviour.Columns(which);
        for (const Column& column : own.columns) {
          own.labels.emplace_back();
          for (const std::string& label : column.labels) own.labels.back().push_back(label.c_str());
          throng_column c{};
          c.struct_size = sizeof c;
          c.type = column.type;
          c.flags = THRONG_COLUMN_EXTRA |
                    static_cast<uint32_t>(column.nullable ? THRONG_COLUMN_NULLABLE : 0);
          c.labels_count = static_cast<uint32_t>(column.labels.size());
          c.name = column.name.c_str();
          c.doc = column.doc.c_str();
          own.table.push_back(c);
        }
        for (size_t i = 0; i < own.table.size(); ++i) {
          own.table[i].labels = own.labels[i].data();
          own.pointers.push_back(&own.table[i]);
        }
        *columns = own.pointers.data();
        *count = static_cast<uint32_t>(own.pointers.size());
      });
    };
  }
  constexpr bool kHasSide = requires(T & t, std::span<const int64_t> rank, const Extra& extra) {
    t.Side(uint32_t{}, rank, extra);
  };
  THRONG_DETAIL_CHECK(T, Side, kHasSide,
                      "void Side(uint32_t table, std::span<const int64_t> rank, const Extra&)");
  if constexpr (kHasSide) {
    table->side = [](void* self, uint32_t which, const int64_t* rank, size_t n, void* const* extra,
                     throng_error* error) -> throng_code {
      return Guard(error, [&] {
        static_cast<BehaviourInstance<T>*>(self)->behaviour.Side(which, std::span(rank, n),
                                                                 Extra(extra, n));
      });
    };
  }
}

template <class T>
void AddTruth(throng_behaviour* table) {
  constexpr bool kLearns = requires(T & t, const Rows& rows) { t.Learn(rows); };
  THRONG_DETAIL_CHECK(T, Learn, kLearns, "void Learn(const Rows&)");
  if constexpr (kLearns) {
    table->learn = [](void* self, const throng_batch* batch, throng_error* error) -> throng_code {
      return Guard(
          error, [&] { static_cast<BehaviourInstance<T>*>(self)->behaviour.Learn(Rows(*batch)); });
    };
  }
  constexpr bool kScores = requires(T & t, const Pairs& pairs) { t.Score(pairs); };
  THRONG_DETAIL_CHECK(T, Score, kScores, "void Score(const Pairs&)");
  if constexpr (kScores) {
    table->score = [](void* self, const throng_pairs* pairs, throng_error* error) -> throng_code {
      return Guard(error, [&] {
        auto* instance = static_cast<BehaviourInstance<T>*>(self);
        instance->behaviour.Score(Pairs(*pairs, std::max<size_t>(1, instance->kinds_count)));
      });
    };
  }
}

template <class T, void (*FillColumns)(T&, const Rows&, const throng_batch&)>
throng_behaviour MakeBehaviourTable() {
  using Instance = BehaviourInstance<T>;
  throng_behaviour table{};
  table.struct_size = sizeof table;
  table.create = [](const throng_host* host, const throng_dataset* d, const throng_value* options,
                    void** self, throng_error* error) -> throng_code {
    return Guard(error, [&] {
      Dataset dataset{.key = d->key,
                      .plan_size = d->plan_size,
                      .world = World(d->world),
                      .kinds = {},
                      .host = Host(host),
                      .world_key = d->world_key,
                      .from_row = d->from_row,
                      .from_time = d->from_time};
      for (uint32_t i = 0; i < d->kinds_count; ++i) {
        dataset.kinds.push_back({d->kinds[i]->name, d->kinds[i]->rows});
      }
      *self = new Instance(options, dataset);
    });
  };
  table.destroy = [](void* self) { delete static_cast<Instance*>(self); };
  table.fill = [](void* self, const throng_batch* batch, throng_error* error) -> throng_code {
    return Guard(
        error, [&] { FillColumns(static_cast<Instance*>(self)->behaviour, Rows(*batch), *batch); });
  };
  AddKinds<T>(&table);
  AddBlocks<T>(&table);
  AddTables<T>(&table);
  AddColumns<T>(&table);
  AddTruth<T>(&table);
  return table;
}

template <class T, void (*FillColumns)(T&, const Rows&, const throng_batch&)>
throng_component BehaviourOf(const char* role, const char* name, const char* doc) {
  static const throng_behaviour kTable = MakeBehaviourTable<T, FillColumns>();
  return Component<T>(role, name, doc, &kTable);
}

}  // namespace detail

// Components, each from its class, with its name and one sentence about it.
template <class T>
throng_component Activity(const char* name, const char* doc) {
  return detail::BehaviourOf<T, detail::FillActivity<T>>(THRONG_ROLE_ACTIVITY, name, doc);
}
template <class T>
throng_component Clock(const char* name, const char* doc) {
  return detail::BehaviourOf<T, detail::FillClock<T>>(THRONG_ROLE_CLOCK, name, doc);
}
template <class T>
throng_component Choice(const char* name, const char* doc) {
  return detail::BehaviourOf<T, detail::FillChoice<T>>(THRONG_ROLE_CHOICE, name, doc);
}
template <class T>
throng_component Rating(const char* name, const char* doc) {
  return detail::BehaviourOf<T, detail::FillRating<T>>(THRONG_ROLE_RATING, name, doc);
}

}  // namespace throng

#endif  // THRONG_SDK_BEHAVIOUR_HPP_
