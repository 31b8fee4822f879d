/** etcd cannot be reached, or refuses for a reason that the contract has no name for. Here so that who names it need not load gRPC. */
export class EtcdError extends Error {
  override name = 'EtcdError'
}

const unfinished = 'a move of a cluster into this etcd was not completed'

export function unfinishedMove(): EtcdError {
  return new EtcdError(unfinished)
}

/** All that was read before means something else now. */
export function movedAway(): EtcdError {
  return new EtcdError('another state was moved into this etcd while it was in use')
}

export function isUnfinishedMove({ message }: EtcdError): boolean {
  return message === unfinished
}
