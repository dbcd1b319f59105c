module github.com/keyledger/keyledger

go 1.26.0
