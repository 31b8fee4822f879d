import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitRange } from '#api/core/v1/limit-range.ts'
import { errorsOf } from '#testing/errors-of.ts'

// biome-ignore format: a table; the errors are upstream's, to the letter
const created = [
  { it: "finds nothing wrong", object: {"spec":{"limits":[{"type":"Container","max":{"cpu":"2"},"min":{"cpu":"1"}}]}}, errors: [] },
  { it: "finds spec.limits[0].type: Invalid value", object: {"spec":{"limits":[{"type":"x"},{"type":"Pod","default":{"cpu":"1"},"max":{"x":"1"}},{"type":"Pod"},{"type":"PersistentVolumeClaim"}]}}, errors: ["spec.limits[0].type: Invalid value: \"x\": must be a standard limit type or fully qualified","spec.limits[1].max[x]: Invalid value: \"x\": must be a standard resource type or fully qualified","spec.limits[1].max[x]: Invalid value: \"x\": must be a standard resource for containers","spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'","spec.limits[2].type: Duplicate value: \"Pod\"","spec.limits[3].limits: Required value: either minimum or maximum storage value is required, but neither was provided"] },
  { it: "finds spec.limits[0].min[cpu]: Invalid value", object: {"spec":{"limits":[{"type":"Container","max":{"cpu":"1"},"min":{"cpu":"2"},"default":{"cpu":"3"},"defaultRequest":{"cpu":"4"},"maxLimitRequestRatio":{"cpu":"500m"}}]}}, errors: ["spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1","spec.limits[0].defaultRequest[cpu]: Invalid value: \"4\": default request value 4 is greater than max value 1","spec.limits[0].defaultRequest[cpu]: Invalid value: \"4\": default request value 4 is greater than default limit value 3","spec.limits[0].default[cpu]: Invalid value: \"1\": default value 3 is greater than max value 1","spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1"] },
  { it: "finds spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value", object: {"spec":{"limits":[{"type":"Container","max":{"cpu":"4"},"min":{"cpu":"2"},"maxLimitRequestRatio":{"cpu":"3"}}]}}, errors: ["spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"3\": ratio 3 is greater than max/min = 2.000000"] },
]

for (const { it, object, errors } of created) {
  test(`a LimitRange that is created ${it}`, () => {
    assert.deepEqual(errorsOf(LimitRange, object), errors)
  })
}
