/** Address of a block's first number, in bytes. 0 means "none". */
export type Ptr = number;
