// The bilinear operator at scale exactly 1/2, window from 0: what brings the chroma of a 4:2:0 image onto
// luma's grid. In samples, output 2m is x[m - 1] / 4 + 3 x[m] / 4 and output 2m + 1 is 3 x[m] / 4 + x[m + 1]
// / 4; the first and the last sample repeat beyond the edges. So an input block yields two output blocks,
// `upper` (or left) and `lower` (or right), each from the block itself and one sample of one neighbour.
//
// The block's own part. Even frequencies are symmetric about the block's middle and odd ones antisymmetric,
// so the lower block is the upper one mirrored, and mirroring turns the sign of odd output frequencies:
//   upper[k] = P[k] + Q[k], lower[k] = (-1)^k (P[k] - Q[k]),
//   P[k] = sum over even f of own[k][f] X[f], Q[k] the same over odd f.
// The neighbours' part: before[k] = D[k][0] / 4 times the last sample of the block before is added to
// upper[k], after[k] = D[k][7] / 4 times the first sample of the block after to lower[k]. At the image's edge
// the neighbour's sample is the block's own. First and last sample of a block: E + O and E - O, E the sum
// over even f of edge[f] X[f], O over odd f.
//
// A last block that the image fills only in part is extended first: its last true sample takes the place of
// those behind it. From then on it is a block like any other.
#pragma once

namespace dctdecode::dct {

struct Doubling {
  float own[8][8];        // [k][f]: D . R . D^T, R the upper half without the neighbour's tap
  float before[8];        // D[k][0] / 4
  float after[8];         // D[k][7] / 4
  float edge[8];          // D[f][0]
  float extend[8][8][8];  // [n][f][g]: output frequency g from input frequency f where the first n >= 1
                          // samples are true; row f at [n][f]
};

const Doubling& doubling();

}  // namespace dctdecode::dct
