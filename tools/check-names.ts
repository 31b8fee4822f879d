/** Fails on names that say nothing, barrels, sleeping tests, and files without a first line that says what they are. */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { report } from './report.ts'

const emptyNames = /^(utils?|helpers?|types|common|misc|index|shared|manager)\.ts$/

function offencesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const offences: string[] = []
  if (emptyNames.test(basename(file))) offences.push(`${file}: the name says nothing; name it after what it does`)
  if (!/^[a-z0-9-]+(\.test)?\.ts$/.test(basename(file))) offences.push(`${file}: file names are kebab-case`)
  if (/^export \* from/m.test(text)) offences.push(`${file}: no barrels; import from the file that defines it`)
  if (/\b(private|public|protected) (readonly |static |async )?\w+[(:=]/.test(text))
    offences.push(`${file}: #private, not private`)
  if (file.endsWith('.test.ts')) {
    if (/\bsetTimeout\(|\bsetTimeout\b.*timers\/promises/.test(text))
      offences.push(`${file}: tests do not sleep; wait for the event, or move a clock`)
    if (/\.(only|skip)\(/.test(text))
      offences.push(`${file}: .only and .skip do not stay; give node:test a skip reason in options`)
  } else if (!/^(#!.*\n)?\/\*\*/.test(text)) {
    offences.push(`${file}: begins with a sentence that says what it is`)
  }
  return offences
}

const files = globSync(['src/**/*.ts', 'bin/**/*.ts', 'tools/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'])
report('check-names', files.flatMap(offencesOf))
