// MariaDB's protocol, as much of it as a blog needs: one connection, a password, and queries one after the other.
//   https://mariadb.com/kb/en/clientserver-protocol/
import { createHash } from 'node:crypto'
import { connect } from 'node:net'

// LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH
const capabilities = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000
const utf8mb4 = 45

/** A query with values: `sql(text, ...values)` answers rows as objects. Values never become part of the text as they are. */
export async function openDatabase({ host, port = 3306, user, password, database }) {
  const socket = connect({ host, port, noDelay: true })
  const packets = packetsOf(socket)[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await packets.next()
    if (done) throw new Error(`${host}:${port} closed the connection`)
    if (value.data[0] === 0xff) throw new Error(value.data.subarray(9).toString())
    return value
  }
  const send = (sequence, data) => {
    const head = Buffer.from([data.length & 255, (data.length >> 8) & 255, data.length >> 16, sequence])
    socket.write(Buffer.concat([head, data]))
  }

  const { data: greeting } = await next()
  send(1, login(nonceOf(greeting), { user, password, database }))
  const { data, sequence } = await next()
  // The server may want the password mixed with another number.
  if (data[0] === 0xfe) {
    const [plugin, nonce] = [text(data, 1), data.subarray(1 + text(data, 1).length + 1)]
    if (plugin !== 'mysql_native_password') throw new Error(`cannot log in by ${plugin}`)
    send(sequence + 1, scramble(password, nonce.subarray(0, 20)))
    await next()
  }

  const query = async (statement) => {
    send(0, Buffer.concat([Buffer.from([3]), Buffer.from(statement)]))
    const { data: first } = await next()
    if (first[0] === 0) return []
    const columns = []
    for (let count = reader(first).number(); count > 0; count--) columns.push(columnName((await next()).data))
    await next()
    const rows = []
    for (;;) {
      const { data: row } = await next()
      if (row[0] === 0xfe && row.length < 9) return rows
      const { string } = reader(row)
      rows.push(Object.fromEntries(columns.map((name) => [name, string()])))
    }
  }

  let last = Promise.resolve()
  return {
    /** Resolves or rejects when the connection has ended. */
    closed: new Promise((resolve) => socket.once('close', resolve)),
    sql(statement, ...values) {
      const asked = last.then(() => query(statement.replaceAll('?', () => literal(values.shift()))))
      last = asked.catch(() => {})
      return asked
    },
    close: () => socket.destroy(),
  }
}

/** As hexadecimal digits: there is nothing in them that could end a string. */
function literal(value) {
  return value === null || value === undefined ? 'NULL' : `_utf8mb4 X'${Buffer.from(String(value)).toString('hex')}'`
}

async function* packetsOf(socket) {
  let rest = Buffer.alloc(0)
  for await (const chunk of socket) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readUIntLE(0, 3)) {
      const end = 4 + rest.readUIntLE(0, 3)
      yield { sequence: rest[3], data: rest.subarray(4, end) }
      rest = rest.subarray(end)
    }
  }
}

function nonceOf(greeting) {
  const at = 1 + text(greeting, 1).length + 1 + 4
  return Buffer.concat([greeting.subarray(at, at + 8), greeting.subarray(at + 27, at + 39)])
}

function login(nonce, { user, password, database }) {
  const head = Buffer.alloc(32)
  head.writeUInt32LE(capabilities, 0)
  head.writeUInt32LE(1 << 24, 4)
  head[8] = utf8mb4
  const proof = scramble(password, nonce)
  const names = [`${user}\0`, Buffer.from([proof.length]), proof, `${database}\0`, 'mysql_native_password\0']
  return Buffer.concat([head, ...names.map((one) => Buffer.from(one))])
}

function scramble(password, nonce) {
  const once = sha1(password)
  const mixed = sha1(nonce, sha1(once))
  return once.map((byte, at) => byte ^ mixed[at])
}

function sha1(...parts) {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function text(data, at) {
  return data.toString('utf8', at, data.indexOf(0, at))
}

function columnName(data) {
  const { string } = reader(data)
  return Array.from({ length: 5 }, string)[4]
}

/** Numbers whose first byte says how long they are, and strings behind such a number. */
function reader(data) {
  let at = 0
  const number = () => {
    const first = data[at++]
    if (first === 0xfb) return null
    const size = { 252: 2, 253: 3, 254: 6 }[first]
    if (!size) return first
    const value = data.readUIntLE(at, size)
    at += first === 0xfe ? 8 : size
    return value
  }
  const string = () => {
    const length = number()
    if (length === null) return null
    at += length
    return data.toString('utf8', at - length, at)
  }
  return { number, string }
}
