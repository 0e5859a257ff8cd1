#include "dualsync/codec/measurement.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/bson_literal.h"

namespace dualsync {
namespace {

using test::bson;

TEST(MeasurementTest, TheTimeFieldIsThatOfTheOptions) {
  EXPECT_EQ(time_field_of(bson(R"({"timeseries":{"timeField":"at","metaField":"m"},"expireAfterSeconds":5})")), "at");
  EXPECT_EQ(time_field_of(bson(R"({"capped":true})")), "");
  EXPECT_EQ(time_field_of(bson(R"({"timeseries":7})")), "");
  EXPECT_EQ(time_field_of(""), "");
}

TEST(MeasurementTest, TheTimeIsADateOrBeforeEverything) {
  EXPECT_EQ(measurement_time(bson(R"({"at":{"$date":{"$numberLong":"1500"}}})"), "at"), 1500);
  EXPECT_EQ(measurement_time(bson(R"({"at":7})"), "at"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(measurement_time(bson(R"({"b":7})"), "at"), std::numeric_limits<std::int64_t>::min());
}

TEST(MeasurementTest, TheOrderOfItsFieldsMeansNothingThatOfInnerOnesDoes) {
  const std::string one = canonical_measurement(bson(R"({"b":{"x":1,"y":2},"a":1})"));
  EXPECT_EQ(one, canonical_measurement(bson(R"({"a":1,"b":{"x":1,"y":2}})")));
  EXPECT_NE(one, canonical_measurement(bson(R"({"a":1,"b":{"y":2,"x":1}})")));
  EXPECT_NE(one, canonical_measurement(bson(R"({"a":{"$numberLong":"1"},"b":{"x":1,"y":2}})"))) << "the type";
  EXPECT_EQ(canonical_measurement(bson(R"({"a":1,"b":2})")), bson(R"({"a":1,"b":2})"));
}

TEST(MeasurementTest, AMarkIsOfTheContentAndTheKind) {
  const std::string one = bson(R"({"b":2,"a":1})");
  EXPECT_EQ(measurement_mark(one, 0), measurement_mark(bson(R"({"a":1,"b":2})"), 0));
  EXPECT_NE(measurement_mark(one, 0), measurement_mark(one, 1));
  EXPECT_NE(measurement_mark(one, 0), measurement_mark(bson(R"({"a":1,"b":3})"), 0));
}

TEST(MeasurementTest, AKeyIsTimeAndIdOrAllThereIs) {
  const std::string time = R"("at":{"$date":{"$numberLong":"5"}})";
  EXPECT_EQ(measurement_key(bson("{\"_id\":3,\"v\":1," + time + "}"), "at"), bson("{" + time + ",\"_id\":3}"));
  const std::string nameless = bson("{\"v\":1," + time + "}");
  EXPECT_EQ(measurement_key(nameless, "at"), nameless);
}

}  // namespace
}  // namespace dualsync
