mod clients;
mod faults;
mod messages;
mod replica;
mod rounds;
mod seeds;
mod world;
