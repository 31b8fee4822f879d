/** Fails when a component takes time, chance or the environment from the machine instead of being handed them. */
import { globSync, readFileSync } from 'node:fs'
import { report } from './report.ts'

const exempt = /^src\/(lib|cluster|cli)\/|\.test\.ts$|^src\/testing\/|-worker\.ts$|\/conformance\//
const taken =
  /(?<!\.)\b(Date\.now|performance\.now|setTimeout|setInterval|setImmediate|Math\.random|randomUUID|process\.env|new Date\(\))(?=\b|\()/
/** file -> why it may. */
const exceptions: Readonly<Record<string, string>> = {}

const offences = globSync('src/**/*.ts')
  .filter((file) => !exempt.test(file) && !exceptions[file])
  .flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) => {
        const code = line.replace(/^\s*(\*|\/\/|\/\*\*).*/, '')
        const match = taken.exec(code)
        return match ? [`${file}:${index + 1}: ${match[1]} is to be handed in (Clock, Random, options)`] : []
      }),
  )
report('check-clock', offences)
