// The promises of a plan of ten million rows.
#include "tests/plugins/behaviours/promises.h"

namespace throng {
namespace {

TEST(Promises, HoldForTenMillionRowsOfAMillionUsers) {
  ExpectSeed(PlannedDataset("{" + SizeYaml({1'000'000, 100'000, 10'000'000}) + "}"), 0, true);
}

}  // namespace
}  // namespace throng
