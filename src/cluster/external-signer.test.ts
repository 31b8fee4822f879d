import assert from 'node:assert/strict'
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { type MessageType, readProto } from '#kubelet/cri/proto-file.ts'
import { decode, encode } from '#kubelet/cri/proto-wire.ts'
import { systemClock } from '#lib/clock.ts'
import { externalKeys, proto } from './external-signer.ts'

const files = mkdtempSync(join(tmpdir(), 'nami-signer-'))
process.on('exit', () => rmSync(files, { recursive: true, force: true }))

interface Held {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly hidden?: boolean
}

/** A signer behind a socket, as somebody else would write it. */
async function openSigner() {
  const { services } = readProto(proto)
  const keys = new Map<string, Held>()
  const state = { signsWith: 'one', header: {} as object, maxSeconds: '3600', fetches: 0 }
  const answers: Record<string, (request: any) => object> = {
    Sign({ claims }) {
      const { privateKey } = keys.get(state.signsWith) as Held
      const header = { alg: 'ES384', kid: state.signsWith, typ: 'JWT', ...state.header }
      const head = Buffer.from(JSON.stringify(header)).toString('base64url')
      const signature = createSign('sha384').update(`${head}.${claims}`).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' })
      return { header: head, signature: signature.toString('base64url') }
    },
    FetchKeys() {
      state.fetches++
      const all = [...keys].map(([key_id, { publicKey, hidden = false }]) => ({
        ...{ key_id, exclude_from_oidc_discovery: hidden },
        key: publicKey.export({ type: 'spki', format: 'der' }),
      }))
      return { keys: all, refresh_hint_seconds: '60' }
    },
    Metadata: () => ({ max_token_expiration_seconds: state.maxSeconds }),
  }
  const server = http2.createServer()
  server.on('stream', async (stream, headers) => {
    const name = String(headers[':path']).split('/')[2] as string
    const method = services.get('v1.ExternalJWTSigner')?.get(name) as { request: MessageType; response: MessageType }
    const sent = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>))
    const answer = Buffer.from(encode(method.response, answers[name]?.(decode(method.request, sent.subarray(5))) as never))
    const head = Buffer.alloc(5)
    head.writeUInt32BE(answer.length, 1)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.concat([head, answer]))
  })
  const socket = join(files, `${Math.random()}.sock`)
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const add = (name: string, hidden = false) => keys.set(name, { ...generateKeyPairSync('ec', { namedCurve: 'P-384' }), hidden })
  add('one')
  return { socket, state, add, keys, [Symbol.dispose]: () => server.close() }
}

const issuer = 'https://kubernetes.default.svc'
const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const account: any = { metadata: { name: 'builder', namespace: 'default', uid: 'u1' } }
const wanted = { audiences: [issuer], expirationSeconds: 3600, now: Date.now(), jti: 'id' }

test('externalKeys() let another program sign, and check what it says', async () => {
  using signer = await openSigner()
  const stop = new AbortController()
  const errors: unknown[] = []
  const parts = { clock: systemClock, signal: stop.signal, onError: (error: unknown) => void errors.push(error) }
  const external = await externalKeys(`unix://${signer.socket}`, parts)
  const tokens = serviceAccountTokens({ privateKey: own, issuer, external })
  assert.deepEqual([tokens.maxExpirationSeconds, tokens.extendedSeconds], [3600, 3600])
  const token = await tokens.createToken(account, wanted)
  assert.equal((await tokens.verify(token)).sub, 'system:serviceaccount:default:builder')
  assert.deepEqual(
    tokens.jwks().keys.map((key) => (key as { kid: string; alg: string }).kid),
    ['one'],
  )
  const forged = token.replace(/.{8}$/, 'AAAAAAAA')
  await assert.rejects(async () => tokens.verify(forged), { message: 'failed to verify token signature' })

  signer.add('two')
  signer.state.signsWith = 'two'
  const newer = await tokens.createToken(account, wanted)
  const before = signer.state.fetches
  assert.equal((await tokens.verify(newer)).jti, 'id', 'a key that is not known is asked for')
  assert.equal(signer.state.fetches, before + 1)

  const refusals: [header: object, why: string][] = [
    [{ typ: 'X' }, 'bad type'],
    [{ kid: '' }, 'key id missing'],
    [{ alg: 'none' }, 'bad signing algorithm "none"'],
    [{ jku: 'x' }, 'while parsing header JSON: json: unknown field "jku"'],
  ]
  for (const [header, why] of refusals) {
    signer.state.header = header
    const message = `failed to generate token: while validating header: ${why}`
    await assert.rejects(async () => tokens.createToken(account, wanted), { message })
  }
  stop.abort()
  assert.deepEqual(errors, [])
})

test('externalKeys() keep hidden keys out of what is published, and refuse signers that cannot be used', async () => {
  using signer = await openSigner()
  signer.add('old', true)
  const stop = new AbortController()
  const parts = { clock: systemClock, signal: stop.signal, onError: () => {} }
  const tokens = serviceAccountTokens({ privateKey: own, issuer, external: await externalKeys(signer.socket, parts) })
  assert.equal(tokens.jwks().keys.length, 1)
  signer.state.signsWith = 'old'
  await assert.rejects(async () => tokens.createToken(account, wanted), /\(kid: old\) is excluded from OIDC discovery docs$/)
  signer.state.maxSeconds = '599'
  const short = /max token life supported by external-jwt-signer \(599s\) is less than acceptable \(min 600s\)$/
  await assert.rejects(externalKeys(signer.socket, parts), short)
  signer.keys.clear()
  await assert.rejects(externalKeys(signer.socket, parts), /while setting up external-jwt-signer: found no keys$/)
  await assert.rejects(externalKeys(join(files, 'none'), parts), /while setting up external-jwt-signer/)
  stop.abort()
})
