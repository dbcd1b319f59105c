// Package access decides what a credential may do: permissions and roles, the
// addresses it may come from, the endpoints a permission guards, and the order
// in which the reasons for a refusal are found. It is pure, and the same
// [Check] decides live traffic and questions about the past.
package access
