// How a file of delimited text is written, as the options of the format `csv` say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/formats/compression/members.h"
#include "plugins/formats/record.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// The text that an option `delimiter` names. INVALID_ARGUMENT for one that cannot stand between
// values.
std::string DelimiterText(const std::string& name);

struct CsvDialect {
  enum class Quote { kMinimal, kAll };
  enum class Decimals { kNone, kOne, kTwo, kFewest };
  // Options that are not given leave the identity of an output what it is without them.
  std::optional<Compression> compression;
  std::optional<std::string> delimiter;
  std::optional<std::string> header;
  std::optional<TimeText> timestamp;
  std::optional<Quote> quote;
  std::optional<Decimals> rating_decimals;
  std::optional<bool> integer_ids;
  std::optional<bool> allow_formulas;

  static std::vector<OptionOf<CsvDialect>> DeclareOptions();
  void Validate() const;

  // What stands between values.
  std::string Delimiter() const { return DelimiterText(delimiter.value_or(",")); }
  // INVALID_ARGUMENT for ids that are not as the dialect wants them.
  void CheckIds(const throng_column& column) const;
  // The line of names of a table, with its end; empty if there is none. INVALID_ARGUMENT for a name
  // that this dialect cannot hold.
  std::string HeaderLine(const throng_schema& schema) const;
  // What stands around the values of a column. INVALID_ARGUMENT for a prefix or a label that this
  // dialect cannot hold.
  ValueTexts TextsOf(const throng_column& column) const;

 private:
  bool QuotesAll() const { return quote == Quote::kAll; }
  // INVALID_ARGUMENT if the text, what `what` says, must not stand in a file as it is.
  void Check(const std::string& text, const std::string& what) const;
};

}  // namespace throng::plugins
