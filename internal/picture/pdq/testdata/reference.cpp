// Asks Meta's own PDQ what it makes of pictures, for the tests (conformance_test.go). It is built against a checkout
// of github.com/facebook/ThreatExchange, which is not part of this house:
//
//   g++ -O2 -I ThreatExchange -o /tmp/pdq-reference internal/picture/pdq/testdata/reference.cpp \
//     ThreatExchange/pdq/cpp/hashing/*.cpp ThreatExchange/pdq/cpp/downscaling/*.cpp ThreatExchange/pdq/cpp/common/*.cpp
//   go test ./internal/picture/pdq -reference /tmp/pdq-reference
//
// On stdin: "width height channels\n" and the bytes of the picture row by row, one picture after the other. On stdout
// a line for each: the hash, the quality and the hashes of its eight forms.
#include <pdq/cpp/hashing/pdqhashing.h>

#include <iostream>
#include <vector>

using namespace facebook::pdq::hashing;

int main() {
  static float square[64][64], half[16][64], waves[16][16], turned[16][16];
  int width, height, channels;
  while (std::cin >> width >> height >> channels && std::cin.get() == '\n') {
    std::vector<unsigned char> bytes(size_t(width) * height * channels);
    if (!std::cin.read(reinterpret_cast<char*>(bytes.data()), bytes.size())) return 1;
    std::vector<float> luma(size_t(width) * height), other(luma.size());
    if (channels == 1) {
      fillFloatLumaFromGrey(&bytes[0], height, width, width, 1, &luma[0]);
    } else {
      fillFloatLumaFromRGB(&bytes[0], &bytes[1], &bytes[2], height, width, 3 * width, 3, &luma[0]);
    }
    std::vector<float> again = luma;
    Hash256 hash, forms[8];
    int quality, same;
    pdqHash256FromFloatLuma(&luma[0], &other[0], height, width, square, half, waves, hash, quality);
    pdqDihedralHash256esFromFloatLuma(&again[0], &other[0], height, width, square, half, waves, turned, &forms[0], &forms[1],
        &forms[2], &forms[3], &forms[4], &forms[5], &forms[6], &forms[7], same);
    std::cout << hash.format() << ' ' << quality;
    for (const Hash256& form : forms) std::cout << ' ' << form.format();
    std::cout << std::endl;
  }
}
