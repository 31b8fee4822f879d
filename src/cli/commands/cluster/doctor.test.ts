import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Diagnosis } from '#cluster/doctor/diagnose.ts'
import { linesOf } from './doctor.ts'

const fine: Diagnosis = { name: 'disk', about: 'room', status: 'fine', problems: [] }
const skipped: Diagnosis = { name: 'DNS', about: 'names', status: 'skipped', problems: [], why: 'there is no cluster yet' }
const wrong: Diagnosis = {
  name: 'processes',
  about: 'what runs',
  status: 'problem',
  problems: [{ problem: 'The cluster is stopped.', fix: ['nami up', 'nami status'] }],
}

test('linesOf() shows problems with what to type, and only counts the rest', () => {
  assert.deepEqual(linesOf([fine, skipped, wrong], false), [
    'problem  processes: The cluster is stopped.',
    '           nami up',
    '           nami status',
    '',
    '1 problem found (1 fine, 1 skipped).',
  ])
})

test('linesOf() shows everything on demand', () => {
  assert.deepEqual(linesOf([fine, skipped], true), [
    'fine     disk: room',
    'skipped  DNS: there is no cluster yet',
    'No problem found (1 fine, 1 skipped).',
  ])
})
