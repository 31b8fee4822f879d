/** What the API server and the nodes say they are. */
export const version = 'v1.36.0+nami'
