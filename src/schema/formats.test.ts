import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as formats from './formats.ts'
import { ipText, parseIp } from './ip-formats.ts'

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const labelValue =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const name =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const long = (length: number) => 'a'.repeat(length)

type Check = (value: string) => string[]
const checks = new Map<string, unknown>(Object.entries(formats))
const cases: [keyof typeof formats, string, string[]][] = [
  ['isDns1123Label', 'my-name', []],
  ['isDns1123Label', long(63), []],
  ['isDns1123Label', long(64), ['must be no more than 63 characters']],
  ['isDns1123Label', 'A', [label]],
  ['isDns1123Label', '', [label]],
  ['isDns1123Label', 'a.b', ['must not contain dots']],
  ['isDns1123Label', 'a\n', [label]],
  ['isDns1123Subdomain', 'a.b-c.d', []],
  ['isDns1123Subdomain', 'a..b', [subdomain]],
  ['isDns1123Subdomain', long(254), ['must be no more than 253 characters']],
  [
    'isDns1035Label',
    '1a',
    [
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
  ['isDns1035Label', 'a1', []],
  ['isWildcardDns1123Subdomain', '*.example.com', []],
  ['isQualifiedName', 'app', []],
  ['isQualifiedName', 'example.com/My.App_1', []],
  ['isQualifiedName', '', ['name part must be non-empty', `name part ${name}`]],
  ['isQualifiedName', '/a', ['prefix part must be non-empty']],
  ['isQualifiedName', 'A.com/a', [`prefix part ${subdomain}`]],
  ['isQualifiedName', long(64), ['name part must be no more than 63 bytes']],
  [
    'isQualifiedName',
    'a/b/c',
    [`a valid label key ${name} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`],
  ],
  ['isValidLabelValue', '', []],
  ['isValidLabelValue', 'a_b.c', []],
  ['isValidLabelValue', '-a', [labelValue]],
  ['isValidLabelValue', long(64), ['must be no more than 63 bytes']],
  ['isValidPortName', 'http-2', []],
  ['isValidPortName', '80', ['must contain at least one letter (a-z)']],
  ['isValidPortName', 'a--b', ['must not contain consecutive hyphens']],
  ['isValidPortName', '-a', ['must not begin or end with a hyphen']],
  [
    'isValidPortName',
    'A',
    ['must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)', 'must contain at least one letter (a-z)'],
  ],
  ['isValidPortName', long(16), ['must be no more than 15 characters']],
  [
    'isCIdentifier',
    '1a',
    [
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')",
    ],
  ],
  [
    'isEnvVarName',
    '1a',
    [
      "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')",
    ],
  ],
  ['isEnvVarName', '..a', ["must not start with '..'"]],
  ['isRelaxedEnvVarName', '1 a!', []],
  [
    'isRelaxedEnvVarName',
    'a=b',
    ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
  ],
  ['isConfigMapKey', 'a.b', []],
  ['isConfigMapKey', '..', ["must not be '..'"]],
  [
    'isConfigMapKey',
    'a/b',
    [
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  ],
  [
    'isValidPercent',
    '5',
    [
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
  ],
  [
    'isHTTPHeaderName',
    'a b',
    [
      "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    ],
  ],
  ['isPathSegmentName', 'a:b', []],
  ['isPathSegmentName', '..', ["may not be '..'"]],
  ['isPathSegmentName', 'a/b%', ["may not contain '/'", "may not contain '%'"]],
  ['isDecimalInteger', '-12', []],
  ['isDecimalInteger', '012', ['must be a valid decimal integer in canonical form']],
  ['isValidIp', '10.0.0.1', []],
  ['isValidIp', '2001:db8::1', []],
  ['isValidIp', '10.0.0', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ['isValidIp', '10.0.0.01', ['must not have leading 0s']],
  ['isValidIp', '::ffff:1.2.3.4', ['must not be an IPv4-mapped IPv6 address']],
  ['isValidIp', '2001:DB8:0::1', ['must be in canonical form ("2001:db8::1")']],
  ['isValidIpForLegacyField', '010.0.0.1', []],
  ['isValidCidr', '10.0.0.0/8', []],
  ['isValidCidr', '10.0.0.1/8', ['must not have bits set beyond the prefix length']],
  ['isValidCidr', '10.0.0.0/33', ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
  ['isValidCidr', '10.0.0.0/08', ['must not have leading 0s in IP or prefix length']],
  ['isValidCidr', '2001:db8:0::/48', ['must be in canonical form ("2001:db8::/48")']],
  ['isValidCidrForLegacyField', '10.0.0.1/8', []],
]
for (const [check, value, expected] of cases) {
  test(`${check}() answers upstream's texts for ${JSON.stringify(value.slice(0, 30))}`, () => {
    assert.deepEqual((checks.get(check) as Check)(value), expected)
  })
}

test('isValidPortNum() bounds ports', () => {
  assert.deepEqual(formats.isValidPortNum(0), ['must be between 1 and 65535, inclusive'])
  assert.deepEqual(formats.isValidPortNum(65535), [])
})

const addresses: [string, string | undefined][] = [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ['::ffff:1.2.3.4', '1.2.3.4'],
  ['1:2:3:4:5:6:7', undefined],
  ['1::2::3', undefined],
  [':1', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['256.1.1.1', undefined],
  ['fe80::1%eth0', undefined],
]
for (const [text, expected] of addresses) {
  test(`parseIp() and ipText() make ${expected} of ${text}`, () => {
    const ip = parseIp(text)
    assert.equal(ip && ipText(ip), expected)
  })
}
