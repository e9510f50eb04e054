#include "plugins/formats/parquet/file_schema.h"

#include <algorithm>

#include "plugins/formats/parquet/thrift_reader.h"

namespace throng::plugins {
namespace {

constexpr int kDeepest = 32;
constexpr int64_t kMostScale = 18;

enum { kRequired = 0, kOptional = 1 };  // FieldRepetitionType

struct Element {
  ParquetLeaf leaf;
  int64_t repetition = kRequired;
  int64_t children = 0;
};

// Before there were logical types.
ParquetMeaning MeaningOfConverted(int64_t type) {
  enum { kDecimal = 5, kDate = 6, kMillis = 9, kMicros = 10 };
  switch (type) {
    case kDecimal:
      return ParquetMeaning::kDecimal;
    case kDate:
      return ParquetMeaning::kDate;
    case kMillis:
      return ParquetMeaning::kMillis;
    case kMicros:
      return ParquetMeaning::kMicros;
    default:
      return ParquetMeaning::kPlain;
  }
}

void ReadLogicalType(ThriftReader* in, ParquetMeaning* meaning) {
  enum { kDecimal = 5, kDate = 6, kTimestamp = 8, kUuid = 14 };
  in->Struct([&](int id, ThriftType) {
    if (id == kDecimal) *meaning = ParquetMeaning::kDecimal;
    if (id == kDate) *meaning = ParquetMeaning::kDate;
    if (id == kUuid) *meaning = ParquetMeaning::kUuid;
    if (id != kTimestamp) return false;
    in->Struct([&](int field, ThriftType) {
      constexpr int kUnit = 2;
      if (field != kUnit) return false;
      in->Struct([&](int unit, ThriftType) {
        *meaning = unit == 1   ? ParquetMeaning::kMillis
                   : unit == 2 ? ParquetMeaning::kMicros
                               : ParquetMeaning::kNanos;
        return false;
      });
      return true;
    });
    return true;
  });
}

Element ReadElement(ThriftReader* in) {
  Element element;
  std::optional<ParquetMeaning> logical;
  in->Struct([&](int id, ThriftType) {
    switch (id) {
      case 1:
        element.leaf.type = static_cast<ParquetType>(in->Integer());
        return true;
      case 2:
        element.leaf.type_bytes = static_cast<size_t>(std::max<int64_t>(0, in->Integer()));
        return true;
      case 3:
        element.repetition = in->Integer();
        return true;
      case 4:
        element.leaf.name = in->Binary();
        return true;
      case 5:
        element.children = in->Integer();
        return true;
      case 6:
        element.leaf.meaning = MeaningOfConverted(in->Integer());
        return true;
      case 7:
        element.leaf.scale =
            static_cast<int>(std::clamp<int64_t>(in->Integer(), -1, kMostScale + 1));
        return true;
      case 10:
        logical = ParquetMeaning::kPlain;
        ReadLogicalType(in, &*logical);
        return true;
      default:
        return false;
    }
  });
  if (logical) element.leaf.meaning = *logical;
  const ParquetType type = element.leaf.type;
  const bool may_be_decimal = type == ParquetType::kInt32 || type == ParquetType::kInt64 ||
                              type == ParquetType::kBytes || type == ParquetType::kFixedBytes;
  if (element.leaf.meaning == ParquetMeaning::kDecimal && !may_be_decimal) {
    element.leaf.meaning = ParquetMeaning::kPlain;
  }
  return element;
}

// The leaves below an element, whose column of the table is `top`.
bool AddLeaves(const std::vector<Element>& elements, const std::string* top, int depth,
               size_t* next, std::vector<ParquetLeaf>* leaves) {
  if (*next >= elements.size() || depth > kDeepest) return false;
  const Element& element = elements[(*next)++];
  if (element.children <= 0) {
    ParquetLeaf& leaf = leaves->emplace_back(element.leaf);
    if (top != nullptr) leaf.name = *top;
    leaf.is_single = top == nullptr && element.repetition <= kOptional;
    leaf.is_optional = element.repetition == kOptional;
    return true;
  }
  for (int64_t child = 0; child < element.children; ++child) {
    const std::string* const name = top == nullptr ? &element.leaf.name : top;
    if (!AddLeaves(elements, name, depth + 1, next, leaves)) return false;
  }
  return true;
}

bool FlattenSchema(const std::vector<Element>& elements, std::vector<ParquetLeaf>* leaves) {
  if (elements.empty()) return false;
  size_t next = 1;  // behind the root
  for (int64_t child = 0; child < elements[0].children; ++child) {
    if (!AddLeaves(elements, nullptr, 0, &next, leaves)) return false;
  }
  return next == elements.size();
}

ParquetChunkPlace ReadChunk(ThriftReader* in) {
  ParquetChunkPlace place;
  int64_t dictionary = 0;
  const auto read_metadata = [&](int id, ThriftType) {
    switch (id) {
      case 4:
        place.codec = in->Integer();
        return true;
      case 5:
        place.values = in->Integer();
        return true;
      case 7:
        place.bytes = in->Integer();
        return true;
      case 9:
        place.offset = in->Integer();
        return true;
      case 11:
        dictionary = in->Integer();
        return true;
      default:
        return false;
    }
  };
  in->Struct([&](int id, ThriftType) {
    constexpr int kMetadata = 3;
    if (id != kMetadata) return false;
    in->Struct(read_metadata);
    return true;
  });
  if (dictionary > 0) place.offset = std::min(place.offset, dictionary);
  return place;
}

}  // namespace

std::optional<ParquetFileSchema> ReadParquetFooter(std::string_view footer) {
  ThriftReader in(footer);
  ParquetFileSchema schema;
  std::vector<Element> elements;
  in.Struct([&](int id, ThriftType) {
    if (id == 2) {
      in.List([&] { elements.push_back(ReadElement(&in)); });
    } else if (id == 4) {
      in.List([&] {
        ParquetGroup& group = schema.groups.emplace_back();
        in.Struct([&](int field, ThriftType) {
          if (field == 1) in.List([&] { group.chunks.push_back(ReadChunk(&in)); });
          if (field == 3) group.rows = in.Integer();
          return field == 1 || field == 3;
        });
      });
    } else {
      return false;
    }
    return true;
  });
  if (in.has_failed() || !FlattenSchema(elements, &schema.leaves)) return std::nullopt;
  const bool is_whole =
      std::all_of(schema.groups.begin(), schema.groups.end(), [&](const ParquetGroup& group) {
        return group.rows >= 0 && group.chunks.size() == schema.leaves.size();
      });
  if (!is_whole) return std::nullopt;
  return schema;
}

}  // namespace throng::plugins
