import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAuditPolicy } from './audit/policy.ts'
import { parseAuthenticationConfig } from './authn/jwt/configuration.ts'
import { parseAuthorizationConfig } from './authz/configuration.ts'

const head = (kind: string) => `apiVersion: apiserver.config.k8s.io/v1\nkind: ${kind}\n`
const jwt = (more: string) => `${head('AuthenticationConfiguration')}jwt:\n- issuer: {url: "https://a", audiences: [a]}\n${more}`
const authorizers = (more: string) => `${head('AuthorizationConfiguration')}authorizers:\n${more}`

const refusals: [it: string, parse: () => unknown, message: string | RegExp][] = [
  [
    'a misspelled rule, which would else be none',
    () => parseAuthenticationConfig(jwt('  claimValidationRule: []\n  claimMappings: {username: {claim: sub, prefix: ""}}\n')),
    'strict decoding error: unknown field "jwt[0].claimValidationRule"',
  ],
  [
    'a repeated field',
    () => parseAuthorizationConfig(authorizers('- type: RBAC\n  name: a\n  name: b\n'), () => undefined),
    'strict decoding error: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "name" already set in map',
  ],
  [
    'a repeated field of JSON, and an unknown one',
    () =>
      parseAuthorizationConfig(
        '{"apiVersion":"apiserver.config.k8s.io/v1","kind":"AuthorizationConfiguration","authorizers":[],"authorizers":[],"x":1}',
        () => undefined,
      ),
    'strict decoding error: duplicate field "authorizers", unknown field "x"',
  ],
  [
    'a value of the wrong type',
    () => parseAuthorizationConfig(authorizers('  type: RBAC\n'), () => undefined),
    /^json: cannot unmarshal object into Go struct field AuthorizationConfiguration\.authorizers of type \[\]v1\.AuthorizerConfiguration$/,
  ],
  [
    'another kind',
    () => parseAuthorizationConfig(head('Other'), () => undefined),
    'no kind "Other" is registered for version "apiserver.config.k8s.io/v1" in scheme "pkg/apis/apiserver/load/load.go:32"',
  ],
  ['a file without a kind', () => parseAuthenticationConfig('jwt: []'), "Object 'Kind' is missing in 'jwt: []'"],
]

for (const [it, parse, message] of refusals) {
  test(`configuration files are read strictly: ${it}`, () => {
    assert.throws(parse, (error: Error) => {
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      return true
    })
  })
}

test('parseAuditPolicy() passes over what a strict reading complains of, and says so', () => {
  const told: string[] = []
  const text = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  verb: [get]\n'
  const policy = parseAuditPolicy(text, (complaint) => void told.push(complaint))
  assert.equal(policy.evaluate({ verb: 'list', user: { name: '', groups: [] }, isResource: false } as never).level, 'Metadata')
  const complaint = 'strict decoding error: unknown field "rules[0].verb"'
  assert.deepEqual(told, [`Audit policy contains errors, falling back to lenient decoding: ${complaint}`])
})
