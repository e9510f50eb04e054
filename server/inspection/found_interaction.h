// Found rows and damages as the API has them.
#pragma once

#include <string>
#include <vector>

#include "server/inspection/found_rows.h"
#include "throng/v1/inspection.pb.h"

namespace throng {

// Row `i` of `rows`; `pieces` are those of the reader that it came from.
v1::FoundInteraction FoundMessage(const FoundRows& rows, size_t i,
                                  const std::vector<std::string>& pieces);

v1::DamagedRecord DamageMessage(const Damage& damage);

}  // namespace throng
