#include "dct/doubling.h"

#include <algorithm>

#include "dct/basis.h"

namespace dctdecode::dct {
namespace {

Doubling build() {
  const Basis& d = basis();
  Doubling t{};
  for (int k = 0; k < 8; ++k) {
    t.before[k] = static_cast<float>(0.25 * d[k][0]);
    t.after[k] = static_cast<float>(0.25 * d[k][7]);
    t.edge[k] = static_cast<float>(d[k][0]);
    for (int f = 0; f < 8; ++f) {
      double sum = 0.0;
      for (int m = 0; m < 4; ++m) {
        const double even = 0.75 * d[f][m] + (m > 0 ? 0.25 * d[f][m - 1] : 0.0);
        sum += d[k][2 * m] * even + d[k][2 * m + 1] * (0.75 * d[f][m] + 0.25 * d[f][m + 1]);
      }
      t.own[k][f] = static_cast<float>(sum);
    }
  }
  for (int n = 1; n < 8; ++n) {
    for (int f = 0; f < 8; ++f) {
      for (int g = 0; g < 8; ++g) {
        double sum = 0.0;
        for (int i = 0; i < 8; ++i) sum += d[g][i] * d[f][std::min(i, n - 1)];
        t.extend[n][f][g] = static_cast<float>(sum);
      }
    }
  }
  return t;
}

}  // namespace

const Doubling& doubling() {
  static const Doubling tables = build();
  return tables;
}

}  // namespace dctdecode::dct
