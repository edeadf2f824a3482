# One step ahead from a window of a scaled series, the errors in the units of the data.
import math

import numpy
from keras.layers import Dense
from keras.layers import LSTM
from keras.models import Sequential

numpy.random.seed(7)
months = numpy.arange(144)
dataset = (100 + 2.5 * months + 20 * numpy.sin(months * numpy.pi / 6)).reshape(-1, 1).astype("float32")


class MinMaxScaler:
    def __init__(self, feature_range=(0, 1)):
        self.low, self.high = feature_range

    def fit_transform(self, data):
        self.min, self.range = data.min(axis=0), data.max(axis=0) - data.min(axis=0)
        return (data - self.min) / self.range * (self.high - self.low) + self.low

    def inverse_transform(self, data):
        return (numpy.asarray(data) - self.low) / (self.high - self.low) * self.range + self.min


def create_dataset(dataset, look_back=1):
    dataX, dataY = [], []
    for i in range(len(dataset) - look_back - 1):
        a = dataset[i : (i + look_back), 0]
        dataX.append(a)
        dataY.append(dataset[i + look_back, 0])
    return numpy.array(dataX), numpy.array(dataY)


scaler = MinMaxScaler(feature_range=(0, 1))
dataset = scaler.fit_transform(dataset)
train_size = int(len(dataset) * 0.67)
train, test = dataset[0:train_size, :], dataset[train_size : len(dataset), :]
look_back = 3
trainX, trainY = create_dataset(train, look_back)
testX, testY = create_dataset(test, look_back)
trainX = numpy.reshape(trainX, (trainX.shape[0], trainX.shape[1], 1))
testX = numpy.reshape(testX, (testX.shape[0], testX.shape[1], 1))
model = Sequential()
model.add(LSTM(4, input_shape=(look_back, 1)))
model.add(Dense(1))
model.compile(loss="mean_squared_error", optimizer="adam")
model.fit(trainX, trainY, epochs=25, batch_size=1, verbose=0)
trainPredict = model.predict(trainX)
testPredict = model.predict(testX)
trainPredict = scaler.inverse_transform(trainPredict)
trainY = scaler.inverse_transform([trainY])
testPredict = scaler.inverse_transform(testPredict)
testY = scaler.inverse_transform([testY])
trainScore = math.sqrt(numpy.mean((trainY[0] - trainPredict[:, 0]) ** 2))
print("Train Score: %.2f RMSE" % trainScore)
testScore = math.sqrt(numpy.mean((testY[0] - testPredict[:, 0]) ** 2))
print("Test Score: %.2f RMSE" % testScore)
trainPredictPlot = numpy.empty_like(dataset)
trainPredictPlot[:, :] = numpy.nan
trainPredictPlot[look_back : len(trainPredict) + look_back, :] = trainPredict
assert trainScore < 40
