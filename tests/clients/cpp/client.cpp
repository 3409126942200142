/* client.cpp -- librdkafka++ as a client of the matrix (matrix/client.py), and as a member of a group.
 *
 *   client BROKERS
 *   client member BROKERS TOPIC GROUP
 *
 * The member says what groups/member.c says. What the library calls an error is thrown as the words
 * of the line `error WHY`. */
#include <librdkafka/rdkafkacpp.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

const int ASK_MS = 60000, POLL_MS = 100, BATCH = 500;

using Settings = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

void need(RdKafka::ErrorCode err)
{
    if (err != RdKafka::ERR_NO_ERROR)
        throw std::runtime_error(RdKafka::err2str(err));
}

template <typename T> std::unique_ptr<T> made(T *object, const std::string &why)
{
    if (!object)
        throw std::runtime_error(why);
    return std::unique_ptr<T>(object);
}

/* Partitions with offsets, freed with the list. */
struct Places {
    std::vector<RdKafka::TopicPartition *> list;

    Places() = default;
    Places(const Places &) = delete;
    Places &operator=(const Places &) = delete;
    ~Places()
    {
        RdKafka::TopicPartition::destroy(list);
    }

    void add(const std::string &topic, int partition, int64_t offset)
    {
        list.push_back(RdKafka::TopicPartition::create(topic, partition, offset));
    }
};

std::unique_ptr<RdKafka::Conf> conf_of(const std::string &brokers, const Settings &settings)
{
    std::string why;
    std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
    conf->set("bootstrap.servers", brokers, why);
    conf->set("reconnect.backoff.max.ms", "200", why);
    for (const auto &[name, value] : settings)
        if (conf->set(name, value, why) != RdKafka::Conf::CONF_OK)
            throw std::runtime_error(why);
    return conf;
}

/* Keeps the first failure of a produce. */
struct Deliveries : RdKafka::DeliveryReportCb {
    RdKafka::ErrorCode first = RdKafka::ERR_NO_ERROR;

    void dr_cb(RdKafka::Message &message) override
    {
        if (first == RdKafka::ERR_NO_ERROR)
            first = message.err();
    }
};

class Session
{
  public:
    explicit Session(const std::string &brokers) : brokers(brokers)
    {
    }

    void produce(const Words &words)
    {
        RdKafka::Producer *to = producer(words[1]);
        deliveries.first = RdKafka::ERR_NO_ERROR;
        long first = std::stol(words[2]), end = first + std::stol(words[3]);
        for (long number = first; number < end; number++) {
            std::string key = "k" + std::to_string(number), value = "v" + std::to_string(number);
            need(to->produce(words[0], RdKafka::Topic::PARTITION_UA, RdKafka::Producer::RK_MSG_COPY,
                             value.data(), value.size(), key.data(), key.size(), 0, nullptr));
        }
        need(to->flush(ASK_MS));
        need(deliveries.first);
    }

    void read(const Words &words)
    {
        auto from = consumer("none");
        Places places;
        add_all(places, words[0], RdKafka::Topic::OFFSET_BEGINNING);
        need(from->assign(places.list));
        for (long left = std::stol(words[1]); left > 0; left--) {
            std::unique_ptr<RdKafka::Message> found(from->consume(ASK_MS));
            need(found->err());
            std::cout << "record " << found->partition() << ' ' << found->offset() << ' '
                      << *found->key() << ' '
                      << std::string(static_cast<char *>(found->payload()), found->len()) << '\n';
        }
        need(from->close());
    }

    void times(const Words &words)
    {
        Places places;
        add_all(places, words[0], std::stoll(words[1]));
        need(producer("none")->offsetsForTimes(places.list, ASK_MS));
        tell(places);
    }

    void commit(const Words &words)
    {
        Places places;
        places.add(words[0], std::stoi(words[2]), std::stoll(words[3]));
        commit_places(words[1], places);
    }

    void committed(const Words &words)
    {
        auto of = consumer(words[1]);
        Places places;
        add_all(places, words[0], RdKafka::Topic::OFFSET_INVALID);
        need(of->committed(places.list, ASK_MS));
        tell(places);
        need(of->close());
    }

    void reset(const Words &words)
    {
        Places places;
        add_all(places, words[0], RdKafka::Topic::OFFSET_INVALID);
        for (auto *place : places.list) {
            int64_t low, high;
            need(producer("none")->query_watermark_offsets(words[0], place->partition(), &low,
                                                           &high, ASK_MS));
            place->set_offset(low);
        }
        commit_places(words[1], places);
    }

  private:
    std::string brokers;
    Deliveries deliveries;
    std::map<std::string, std::unique_ptr<RdKafka::Producer>> producers; /* One a codec. */

    RdKafka::Producer *producer(const std::string &codec)
    {
        auto &found = producers[codec];
        if (!found) {
            auto conf = conf_of(brokers, {{"enable.idempotence", "true"},
                                          {"linger.ms", "20"},
                                          {"sticky.partitioning.linger.ms", "0"},
                                          {"compression.type", codec}});
            std::string why;
            conf->set("dr_cb", &deliveries, why);
            found = made(RdKafka::Producer::create(conf.get(), why), why);
        }
        return found.get();
    }

    std::unique_ptr<RdKafka::KafkaConsumer> consumer(const std::string &group)
    {
        std::string why;
        auto conf = conf_of(brokers, {{"group.id", group}, {"enable.auto.commit", "false"}});
        return made(RdKafka::KafkaConsumer::create(conf.get(), why), why);
    }

    void add_all(Places &places, const std::string &topic, int64_t offset)
    {
        std::string why;
        RdKafka::Producer *of = producer("none");
        auto handle = made(RdKafka::Topic::create(of, topic, nullptr, why), why);
        RdKafka::Metadata *found = nullptr;
        need(of->metadata(false, handle.get(), &found, ASK_MS));
        std::unique_ptr<RdKafka::Metadata> metadata(found);
        need(metadata->topics()->front()->err());
        for (const auto *place : *metadata->topics()->front()->partitions())
            places.add(topic, place->id(), offset);
    }

    void commit_places(const std::string &group, Places &places)
    {
        auto by = consumer(group);
        need(by->commitSync(places.list));
        need(by->close());
    }

    void tell(const Places &places)
    {
        for (const auto *place : places.list) {
            need(place->err());
            std::cout << "offset " << place->partition() << ' '
                      << (place->offset() < 0 ? -1 : place->offset()) << '\n';
        }
    }
};

void converse(const std::string &brokers)
{
    Session session(brokers);
    const std::map<std::string, void (Session::*)(const Words &)> verbs = {
        {"produce", &Session::produce},     {"read", &Session::read},
        {"times", &Session::times},         {"commit", &Session::commit},
        {"committed", &Session::committed}, {"reset", &Session::reset}};
    for (std::string line, word; std::getline(std::cin, line);) {
        std::istringstream text(line);
        Words words;
        text >> word;
        for (std::string next; text >> next;)
            words.push_back(next);
        try {
            (session.*verbs.at(word))(words);
            std::cout << "ok" << std::endl;
        } catch (const std::exception &why) {
            std::cout << "error " << why.what() << std::endl;
        }
    }
}

long long now_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

bool input_has_ended()
{
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    char byte;
    return poll(&input, 1, 0) > 0 && ::read(STDIN_FILENO, &byte, 1) <= 0;
}

/* What it read and has not committed is forgotten when its partition is taken away: a later commit
 * of this member would set back whoever has it now. */
class Member : public RdKafka::RebalanceCb
{
  public:
    explicit Member(const std::string &topic) : topic(topic)
    {
    }

    void rebalance_cb(RdKafka::KafkaConsumer *consumer, RdKafka::ErrorCode err,
                      std::vector<RdKafka::TopicPartition *> &places) override
    {
        if (err == RdKafka::ERR__ASSIGN_PARTITIONS) {
            tell_starts(consumer, places);
            consumer->assign(places);
            return;
        }
        for (const auto *place : places)
            std::cout << now_ns() << " lost " << place->partition() << std::endl;
        ends.clear();
        consumer->unassign();
    }

    void take(RdKafka::KafkaConsumer *consumer)
    {
        for (int count = 0; count < BATCH; count++) {
            std::unique_ptr<RdKafka::Message> found(consumer->consume(count ? 0 : POLL_MS));
            if (found->err() == RdKafka::ERR__TIMED_OUT)
                break;
            if (found->err() != RdKafka::ERR_NO_ERROR) {
                std::cout << now_ns() << " note " << found->errstr() << std::endl;
                continue;
            }
            std::cout << now_ns() << " read " << found->partition() << ' ' << found->offset() << ' '
                      << found->offset() << std::endl; /* Said before it is committed. */
            ends[found->partition()] = found->offset() + 1;
        }
        for (const auto &[partition, end] : ends)
            commit(consumer, partition, end);
        ends.clear();
    }

  private:
    std::string topic;
    std::map<int, int64_t> ends; /* Partition -> what is to be committed. */

    void tell_starts(RdKafka::KafkaConsumer *consumer,
                     const std::vector<RdKafka::TopicPartition *> &places)
    {
        Places asked;
        for (const auto *place : places)
            asked.add(topic, place->partition(), RdKafka::Topic::OFFSET_INVALID);
        long long began = now_ns();
        RdKafka::ErrorCode err = consumer->committed(asked.list, ASK_MS);
        if (err != RdKafka::ERR_NO_ERROR)
            std::cout << now_ns() << " note committed: " << RdKafka::err2str(err) << std::endl;
        else
            for (const auto *place : asked.list)
                std::cout << began << " start " << place->partition() << ' '
                          << (place->offset() < 0 ? -1 : place->offset()) << std::endl;
    }

    void commit(RdKafka::KafkaConsumer *consumer, int partition, int64_t end)
    {
        Places places;
        places.add(topic, partition, end);
        RdKafka::ErrorCode err = consumer->commitSync(places.list);
        if (err == RdKafka::ERR_NO_ERROR)
            err = places.list[0]->err();
        if (err == RdKafka::ERR_NO_ERROR)
            std::cout << now_ns() << " committed " << partition << ' ' << end << std::endl;
        else
            std::cout << now_ns() << " note commit: " << RdKafka::err2str(err) << std::endl;
    }
};

void be_member(const std::string &brokers, const std::string &topic, const std::string &group)
{
    std::string why;
    Member member(topic);
    auto conf = conf_of(brokers, {{"group.id", group},
                                  {"session.timeout.ms", "6000"},
                                  {"heartbeat.interval.ms", "500"},
                                  {"enable.auto.commit", "false"},
                                  {"auto.offset.reset", "earliest"}});
    conf->set("rebalance_cb", &member, why);
    auto consumer = made(RdKafka::KafkaConsumer::create(conf.get(), why), why);
    need(consumer->subscribe({topic}));
    while (!input_has_ended())
        member.take(consumer.get());
    need(consumer->close());
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc == 2)
        converse(argv[1]);
    else if (argc == 5)
        be_member(argv[2], argv[3], argv[4]);
    else
        throw std::invalid_argument("usage: client BROKERS | client member BROKERS TOPIC GROUP");
    return 0;
} catch (const std::exception &why) {
    std::cerr << why.what() << '\n';
    return 1;
}
