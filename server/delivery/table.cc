#include "server/delivery/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "server/dataset/slice.h"
#include "server/spec/rules.h"

namespace throng {
namespace {

struct SourceInfo {
  ColumnSource source;
  std::string_view name;
  uint32_t type;
  const char* doc;
};
constexpr std::array<SourceInfo, 16> kSources = {{
    {ColumnSource::kUserId, "user_id", THRONG_COLUMN_ID, "Who."},
    {ColumnSource::kItemId, "item_id", THRONG_COLUMN_ID, "What."},
    {ColumnSource::kRating, "rating", THRONG_COLUMN_RATING, "How much they liked it, in stars."},
    {ColumnSource::kTimestamp, "timestamp", THRONG_COLUMN_TIMESTAMP, "When."},
    {ColumnSource::kRow, "interaction_id", THRONG_COLUMN_INT64, "Row of the dataset, from 0."},
    {ColumnSource::kKind, "kind", THRONG_COLUMN_LABEL, "Why the item was chosen."},
    {ColumnSource::kCluster, "cluster", THRONG_COLUMN_LABEL, "The user's cluster."},
    {ColumnSource::kCategory, "category", THRONG_COLUMN_LABEL, "The item's category."},
    {ColumnSource::kSessionId, "session_id", THRONG_COLUMN_INT64,
     "The session, from 0: its rows have the same, and no others have it."},
    {ColumnSource::kSessionRow, "session_row", THRONG_COLUMN_INT64,
     "Which of its session's rows it is, from 0."},
    {ColumnSource::kActivityRank, "activity_rank", THRONG_COLUMN_INT64,
     "Place by activity, from 1, the most active."},
    {ColumnSource::kPopular, "popular", THRONG_COLUMN_BOOL, "Whether it is a popular item."},
    {ColumnSource::kAgeBand, "age_band", THRONG_COLUMN_LABEL, "The user's age in years."},
    {ColumnSource::kRegion, "region", THRONG_COLUMN_LABEL, "Where the user lives."},
    {ColumnSource::kBrand, "brand", THRONG_COLUMN_LABEL, "The item's brand within its category."},
    {ColumnSource::kPrice, "price", THRONG_COLUMN_FLOAT64, "What the item costs."},
}};

const SourceInfo& FindSource(std::string_view name) {
  return *std::find_if(kSources.begin(), kSources.end(),
                       [name](const SourceInfo& info) { return info.name == name; });
}

// The behaviours' column of that name, "choice.niche"; nullptr: it is none of theirs.
const FurtherColumn* FindFurther(const std::vector<FurtherColumn>& known, const std::string& name) {
  const auto found = std::find_if(known.begin(), known.end(), [&](const FurtherColumn& column) {
    return column.FullName() == name;
  });
  return found == known.end() ? nullptr : &*found;
}

std::string_view TypeName(uint32_t type) {
  constexpr std::array<std::string_view, 8> kNames = {"",          "id",    "int64", "rating",
                                                      "timestamp", "label", "bool",  "float64"};
  return kNames[type < kNames.size() ? type : 0];
}

uint32_t IdStyleOf(const IdText& ids) {
  if (ids.IsUuid()) return THRONG_ID_UUID;
  return ids.style() == v1::IDS_INTEGER ? THRONG_ID_INTEGER : THRONG_ID_TEXT;
}

std::vector<FurtherColumn> FurtherOf(const v1::OutputSpec& spec, const Plan& plan) {
  std::vector<FurtherColumn> further;
  for (const v1::Column& column : spec.columns()) {
    const auto* found = FindFurther(plan.further_columns(spec.table()), column.column());
    // One that is written twice, under two names, is filled once.
    if (found != nullptr && FindFurther(further, column.column()) == nullptr) {
      further.push_back(*found);
    }
  }
  return further;
}

}  // namespace

void Table::Check(const v1::OutputSpec& spec, const Plan& plan, const std::string& field,
                  Problems* problems) {
  const std::vector<FurtherColumn>& known = plan.further_columns(spec.table());
  std::vector<std::string> names;
  names.reserve(known.size());
  for (const FurtherColumn& column : known) names.push_back(column.FullName());
  for (int i = 0; i < spec.columns_size(); ++i) {
    const std::string& name = spec.columns(i).column();
    if (name.find('.') == std::string::npos || FindFurther(known, name) != nullptr) continue;
    problems->push_back(
        {fmt::format("{}.columns[{}].column", field, i),
         fmt::format("The dataset's {} has no further column \"{}\" of this table.{}",
                     name.substr(0, name.find('.')), name.substr(name.find('.') + 1),
                     DidYouMean(name, names))});
  }
}

Table::Table(const v1::OutputSpec& spec, const Plan& plan)
    : plan_(plan), blocks_(plan.MakeBlocks(FurtherOf(spec, plan))), kind_(spec.table()) {
  const throng_world& world = plan.world();
  for (uint32_t i = 0; i < world.clusters_count; ++i) {
    cluster_labels_.push_back(world.clusters[i]->name);
  }
  for (uint32_t i = 0; i < world.categories_count; ++i) {
    category_labels_.push_back(world.categories[i]->name);
  }
  for (const KindRows& kind : plan.kinds()) kind_labels_.push_back(kind.name.c_str());
  for (const std::string& brand : plan.attributes().brands()) {
    brand_labels_.push_back(brand.c_str());
  }
  const auto known = TableColumns(kind_);
  names_.reserve(static_cast<size_t>(spec.columns_size()));
  further_labels_.reserve(static_cast<size_t>(spec.columns_size()));
  for (const v1::Column& column : spec.columns()) {
    const FurtherColumn* own = FindFurther(further(), column.column());
    further_of_.push_back(own == nullptr ? 0 : static_cast<size_t>(own - further().data()));
    if (own != nullptr) {
      std::vector<const char*>& labels = further_labels_.emplace_back();
      for (const std::string& label : own->labels) labels.push_back(label.c_str());
      if (column.column() == spec.key()) key_column_ = static_cast<int32_t>(sources_.size());
      sources_.push_back(ColumnSource::kFurther);
      throng_column& c = columns_.emplace_back();
      c.struct_size = sizeof c;
      c.type = own->type;
      c.flags = THRONG_COLUMN_EXTRA;
      if (own->is_nullable) c.flags |= THRONG_COLUMN_NULLABLE;
      c.name = names_.emplace_back(column.name()).c_str();
      c.doc = own->doc.c_str();
      c.field_number = own->FieldNumber();
      c.labels = labels.data();
      c.labels_count = static_cast<uint32_t>(labels.size());
      continue;
    }
    const SourceInfo& info = FindSource(column.column());
    const TableColumn& own_column = *std::find_if(
        known.begin(), known.end(), [&](const TableColumn& c) { return c.name == info.name; });
    if (column.column() == spec.key()) key_column_ = static_cast<int32_t>(sources_.size());
    sources_.push_back(info.source);
    throng_column& c = columns_.emplace_back();
    c.struct_size = sizeof c;
    c.type = info.type;
    c.flags = own_column.is_extra ? THRONG_COLUMN_EXTRA : 0;
    c.field_number = own_column.field_number;
    if (info.source == ColumnSource::kRating && plan.leaves_out_ratings()) {
      c.flags |= THRONG_COLUMN_NULLABLE;
    }
    c.name = names_.emplace_back(column.name()).c_str();
    c.doc = info.doc;
    const IdText& ids = info.source == ColumnSource::kUserId ? plan.user_ids() : plan.item_ids();
    c.id_style = IdStyleOf(ids);
    c.id_first = ids.first();
    c.id_key = ids.key();
    c.id_count = info.source == ColumnSource::kUserId ? plan.world().users : plan.world().items;
    c.prefix = ids.prefix().c_str();
    const std::vector<const char*>* labels = nullptr;
    if (info.source == ColumnSource::kCluster) labels = &cluster_labels_;
    if (info.source == ColumnSource::kCategory) labels = &category_labels_;
    if (info.source == ColumnSource::kKind) labels = &kind_labels_;
    if (info.source == ColumnSource::kAgeBand) labels = &Attributes::age_bands();
    if (info.source == ColumnSource::kRegion) labels = &Attributes::regions();
    if (info.source == ColumnSource::kBrand) labels = &brand_labels_;
    if (labels != nullptr) {
      c.labels = labels->data();
      c.labels_count = static_cast<uint32_t>(labels->size());
    }
  }
  for (const throng_column& column : columns_) column_pointers_.push_back(&column);
  schema_.struct_size = sizeof schema_;
  schema_.columns_count = static_cast<uint32_t>(columns_.size());
  schema_.columns = column_pointers_.data();
  schema_.table = kind_ == v1::TABLE_USERS   ? "users"
                  : kind_ == v1::TABLE_ITEMS ? "items"
                                             : "interactions";
}

std::vector<KnownColumn> KnownColumns(const Plan& plan) {
  std::vector<KnownColumn> known;
  for (const v1::Table table : {v1::TABLE_INTERACTIONS, v1::TABLE_USERS, v1::TABLE_ITEMS}) {
    for (const TableColumn& column : TableColumns(table)) {
      const SourceInfo& info = FindSource(column.name);
      known.push_back(
          {table, std::string(column.name), TypeName(info.type), info.doc, column.is_extra});
    }
    for (const FurtherColumn& column : plan.further_columns(table)) {
      known.push_back({table, column.FullName(), TypeName(column.type), column.doc, true});
    }
  }
  return known;
}

bool Table::HasUniqueKeys() const {
  if (key_column_ < 0) return false;
  const ColumnSource key = sources_[static_cast<size_t>(key_column_)];
  return IsInteractions()
             ? key == ColumnSource::kRow
             : key == (kind_ == v1::TABLE_USERS ? ColumnSource::kUserId : ColumnSource::kItemId);
}

int64_t Table::rows() const {
  if (kind_ == v1::TABLE_USERS) return plan_.world().users;
  if (kind_ == v1::TABLE_ITEMS) return plan_.world().items;
  return plan_.spec().has_interactions() ? plan_.spec().interactions() : Slice::kEndless;
}

absl::StatusOr<std::unique_ptr<TableRows>> TableRows::Create(const Table& table, size_t capacity) {
  std::unique_ptr<TableRows> made(new TableRows(table, capacity));
  if (table.IsInteractions() || !table.further().empty()) {
    auto generator = table.plan().MakeGenerator(table.blocks());
    if (!generator.ok()) return generator.status();
    made->generator_ = *std::move(generator);
  }
  return made;
}

TableRows::TableRows(const Table& table, size_t capacity)
    : table_(table),
      world_(table.plan().world()),
      columns_(table.IsInteractions() || !table.further().empty() ? capacity : 0, table.further()),
      rank_(capacity) {
  for (const ColumnSource source : table.sources()) {
    const auto use = [&](auto* column) {
      column->resize(capacity);
      column_arrays_.push_back(column->data());
    };
    switch (source) {
      case ColumnSource::kUserId:
        use(&user_number_);
        break;
      case ColumnSource::kItemId:
        use(&item_number_);
        break;
      case ColumnSource::kRating:
        column_arrays_.push_back(columns_.rating.data());
        break;
      case ColumnSource::kTimestamp:
        column_arrays_.push_back(columns_.time.data());
        break;
      case ColumnSource::kRow:
      case ColumnSource::kActivityRank:
        use(&row_);
        break;
      case ColumnSource::kKind:
        use(&kind_);
        break;
      case ColumnSource::kCluster:
        use(&cluster_);
        break;
      case ColumnSource::kCategory:
        use(&category_);
        break;
      case ColumnSource::kPopular:
        use(&popular_);
        break;
      case ColumnSource::kAgeBand:
        use(&age_band_);
        break;
      case ColumnSource::kRegion:
        use(&region_);
        break;
      case ColumnSource::kBrand:
        use(&brand_);
        break;
      case ColumnSource::kPrice:
        use(&price_);
        break;
      case ColumnSource::kSessionId:
        use(&session_id_);
        break;
      case ColumnSource::kSessionRow:
        column_arrays_.push_back(columns_.session_row.data());
        break;
      case ColumnSource::kFurther:
        column_arrays_.push_back(columns_.Further(table.further_of(column_arrays_.size()), 0));
        break;
    }
  }
  // A side table goes by number, whether it shows it or not.
  if (table.kind() == v1::TABLE_USERS) user_number_.resize(capacity);
  if (table.kind() == v1::TABLE_ITEMS) item_number_.resize(capacity);
  if (!brand_.empty() || !price_.empty()) category_.resize(capacity);
}

absl::Status TableRows::Fill(int64_t first, uint32_t rows) {
  if (table_.kind() == v1::TABLE_USERS) {
    FillUsers(first, rows);
    return FillFurther(rows);
  }
  if (table_.kind() == v1::TABLE_ITEMS) {
    FillItems(first, rows);
    return FillFurther(rows);
  }
  for (uint32_t done = 0; done < rows; done += Generator::kBatchRows) {
    const auto n = std::min<size_t>(rows - done, Generator::kBatchRows);
    if (absl::Status status = FillInteractions(first + done, n, done); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TableRows::FillInteractions(int64_t first, size_t rows, size_t offset) {
  absl::Status status = generator_->Fill(first, static_cast<int64_t>(rows), &columns_, offset);
  if (!status.ok()) return status;
  const int64_t* user = columns_.user.data() + offset;
  const int64_t* item = columns_.item.data() + offset;
  if (!user_number_.empty()) {
    world_.user_number(world_.self, user, user_number_.data() + offset, rows);
  }
  if (!item_number_.empty()) {
    world_.item_number(world_.self, item, item_number_.data() + offset, rows);
  }
  if (!cluster_.empty()) world_.user_cluster(world_.self, user, cluster_.data() + offset, rows);
  if (!category_.empty()) world_.item_category(world_.self, item, category_.data() + offset, rows);
  if (!session_id_.empty()) {
    FillSessionIds(first, table_.plan().spec().plan_size(),
                   std::span(columns_.session).subspan(offset, rows), session_id_.data() + offset);
  }
  for (size_t i = 0; i < (row_.empty() ? 0 : rows); ++i) {
    row_[offset + i] = first + static_cast<int64_t>(i);
  }
  for (size_t i = 0; i < (kind_.empty() ? 0 : rows); ++i) {
    kind_[offset + i] = columns_.kind[offset + i];
  }
  return absl::OkStatus();
}

absl::Status TableRows::FillFurther(size_t rows) {
  if (table_.further().empty()) return absl::OkStatus();
  return generator_->FillSide(table_.kind(), rank_.data(), rows, &columns_);
}

// Row i of a side table is the user or the item with number i.
void TableRows::FillUsers(int64_t first, size_t rows) {
  std::iota(user_number_.begin(), user_number_.begin() + static_cast<std::ptrdiff_t>(rows), first);
  world_.user_rank(world_.self, user_number_.data(), rank_.data(), rows);
  if (!cluster_.empty()) world_.user_cluster(world_.self, rank_.data(), cluster_.data(), rows);
  for (size_t i = 0; i < (row_.empty() ? 0 : rows); ++i) row_[i] = rank_[i] + 1;
  const Attributes& attributes = table_.plan().attributes();
  const int64_t* number = user_number_.data();
  if (!age_band_.empty()) attributes.AgeBands(number, rows, age_band_.data());
  if (!region_.empty()) attributes.Regions(number, rows, region_.data());
}

void TableRows::FillItems(int64_t first, size_t rows) {
  std::iota(item_number_.begin(), item_number_.begin() + static_cast<std::ptrdiff_t>(rows), first);
  world_.item_rank(world_.self, item_number_.data(), rank_.data(), rows);
  if (!category_.empty()) world_.item_category(world_.self, rank_.data(), category_.data(), rows);
  for (size_t i = 0; i < (popular_.empty() ? 0 : rows); ++i) {
    popular_[i] = rank_[i] < world_.popular_items ? 1 : 0;
  }
  const Attributes& attributes = table_.plan().attributes();
  const int64_t* number = item_number_.data();
  if (!brand_.empty()) attributes.Brands(number, category_.data(), rows, brand_.data());
  if (!price_.empty()) attributes.Prices(number, category_.data(), rows, price_.data());
}

}  // namespace throng
