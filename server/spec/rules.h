// Defaults of a spec and the rules that hold whatever components it names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/spec/problem.h"
#include "throng/v1/spec.pb.h"

namespace throng {

// A column that outputs can have; extra ones are written only when asked for.
struct TableColumn {
  std::string_view name;
  // Its field's number in Protobuf for ever, as proto/throng/v1 has it where it has the table.
  uint32_t field_number = 0;
  bool is_extra = false;
};

// The columns of a table in their order; none for an unspecified table.
std::span<const TableColumn> TableColumns(v1::Table table);

// Fills in the defaults that spec.proto states and that come from no preset: seed, plan size (but
// where the interactions are fewer than the size's, which the plan decides), prefixes, names,
// tables, columns, keys, commit intervals and the slice. Repeating it changes nothing.
void FillDefaults(v1::RunSpec* spec);

// Adds each rule of spec.proto that the filled-in spec breaks: ranges, shares that do not sum to 1,
// names that are taken, unknown or would break CSV, and what needs a dataset with an end.
// `needs_outputs`: whether a spec without outputs breaks one.
void ValidateSpec(const v1::RunSpec& spec, Problems* problems, bool needs_outputs = true);

}  // namespace throng
