import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attributes } from '../authz/authorizer.ts'
import type { User } from '../request.ts'
import { impersonate } from './impersonate.ts'

const user: User = { name: 'root', groups: ['admins'] }

const attributes: Attributes = {
  ...{ user, verb: 'list', isResource: true, path: '', group: '', version: 'v1', resource: 'pods', subresource: '' },
  ...{ namespace: 'shop', name: '' },
}

/** Allows what `may` matches, of `verb|group|resource|subresource|namespace|name`. */
function asked(headers: Record<string, string | string[]>, may: RegExp, requestor: User = user) {
  const lines = Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value) => [name, value] as const))
  const joined: Record<string, string> = {}
  for (const [name, value] of lines) joined[name] = joined[name] === undefined ? value : `${joined[name]}, ${value}`
  const request = { headers: joined, rawHeaders: lines.flat() }
  const seen: string[] = []
  const authorize = ({ verb, group, resource, subresource, namespace, name }: Attributes) => {
    const text = [verb, group, resource, subresource, namespace, name].join('|')
    seen.push(text)
    return { verdict: may.test(text) ? ('allow' as const) : ('noOpinion' as const), reason: 'so there' }
  }
  const authorizer = { name: 'fake', authorize }
  const impersonated = impersonate(request, { attributes: { ...attributes, user: requestor }, authorizer })
  return { seen, impersonated, result: impersonated.then((known) => known?.user) }
}

test('impersonate() does nothing without headers', async () => {
  assert.equal(await asked({ authorization: 'x' }, /./).result, undefined)
})

test('impersonate() asks for each thing and becomes it', async () => {
  const headers = {
    'impersonate-user': 'ann',
    'impersonate-group': ['dev', 'ops'],
    'impersonate-extra-acme.com%2fproject': 'one',
    'impersonate-uid': '42',
  }
  const becomes = {
    name: 'ann',
    groups: ['dev', 'ops', 'system:authenticated'],
    uid: '42',
    extra: { 'acme.com/project': ['one'] },
  }
  const old = asked(headers, /^impersonate\|/)
  assert.deepEqual(await old.result, becomes)
  assert.deepEqual(old.seen, [
    'impersonate-on:user-info:list||pods||shop|',
    'impersonate||users|||ann',
    'impersonate|authentication.k8s.io|uids|||42',
    'impersonate||groups|||dev',
    'impersonate||groups|||ops',
    'impersonate|authentication.k8s.io|userextras|acme.com/project||one',
  ])
  const constrained = asked(headers, /^impersonate(-on)?:user-info/)
  assert.deepEqual(await constrained.result, becomes)
  assert.equal(constrained.seen[1], 'impersonate:user-info|authentication.k8s.io|users|||ann')
  assert.equal((await constrained.impersonated)?.constraint, 'impersonate:user-info')
  assert.equal((await old.impersonated)?.constraint, undefined)
})

test('impersonate() takes a header line for one value, commas and all', async () => {
  const headers = {
    'impersonate-user': ['ann', 'bob'],
    'impersonate-group': ['CN=a,OU=b', 'x,system:masters'],
    'impersonate-extra-acme.com%2fplaces': ['Bern, CH', 'Z\u00c3\u00bcrich'],
  }
  const { result, seen } = asked(headers, /^impersonate\|/)
  assert.deepEqual(await result, {
    ...{ name: 'ann', groups: ['CN=a,OU=b', 'x,system:masters', 'system:authenticated'] },
    extra: { 'acme.com/places': ['Bern, CH', 'Zürich'] },
  })
  assert.deepEqual(
    seen.filter((text) => text.startsWith('impersonate||groups')),
    ['impersonate||groups|||CN=a,OU=b', 'impersonate||groups|||x,system:masters'],
  )
})

test('impersonate() knows the groups of service accounts, nodes and nobody', async () => {
  const account = asked({ 'impersonate-user': 'system:serviceaccount:default:builder' }, /^impersonate\|/)
  assert.deepEqual((await account.result)?.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
    'system:authenticated',
  ])
  assert.deepEqual(account.seen, [
    'impersonate-on:serviceaccount:list||pods||shop|',
    'impersonate||serviceaccounts||default|builder',
  ])
  assert.deepEqual((await asked({ 'impersonate-user': 'system:anonymous' }, /./).result)?.groups, ['system:unauthenticated'])
  const node = asked({ 'impersonate-user': 'system:node:n1' }, /arbitrary-node/)
  assert.deepEqual((await node.result)?.groups, ['system:nodes', 'system:authenticated'])
  assert.deepEqual((await asked({ 'impersonate-user': 'system:node:n1' }, /^impersonate\|/).result)?.groups, [
    'system:authenticated',
  ])
})

test('impersonate() lets an agent be the node it runs on', async () => {
  const agent = (node: string): User => ({
    name: 'system:serviceaccount:kube-system:agent',
    groups: [],
    extra: { 'authentication.kubernetes.io/node-name': [node] },
  })
  const headers = { 'impersonate-user': 'system:node:n1' }
  const own = asked(headers, /associated-node/, agent('n1'))
  assert.equal((await own.result)?.name, 'system:node:n1')
  assert.deepEqual(own.seen, [
    'impersonate-on:associated-node:list||pods||shop|',
    'impersonate:associated-node|authentication.k8s.io|nodes|||*',
  ])
  await assert.rejects(asked(headers, /associated-node/, agent('n2')).result, { code: 403 })
})

test('impersonate() refuses what is not allowed, or has no user', async () => {
  await assert.rejects(asked({ 'impersonate-user': 'ann' }, /nothing/).result, {
    code: 403,
    message:
      'pods is forbidden: User "root" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "shop": so there',
  })
  await assert.rejects(asked({ 'impersonate-user': 'ann', 'impersonate-group': 'system:masters' }, /user-info/).result, {
    message:
      'groups.authentication.k8s.io "system:masters" is forbidden: User "root" cannot impersonate:user-info resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters group is not allowed',
  })
  await assert.rejects(asked({ 'impersonate-group': 'dev' }, /./).result, {
    code: 400,
    message:
      'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"dev"}, Extra:map[string][]string(nil)} without impersonating a user name',
  })
})
